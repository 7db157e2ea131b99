//! The words of structured header fields (RFC 5322 §3.2, RFC 2045 §5.1), read from an unfolded value. Lenient: what is left
//! open at the end is closed there.

/// What is left of a value.
#[derive(Clone, Copy)]
pub(super) struct Lexer<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Lexer<'a> {
    pub(super) fn new(value: &'a [u8]) -> Lexer<'a> {
        Lexer { rest: value }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Takes the next byte if it is that one.
    pub(super) fn skip(&mut self, byte: u8) -> bool {
        match self.rest.strip_prefix(&[byte]) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes `count` bytes, or what there is.
    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// Takes bytes as long as they are like that.
    pub(super) fn take_while(&mut self, like: impl Fn(u8) -> bool) -> &'a [u8] {
        let count = self.rest.iter().position(|byte| !like(*byte));
        self.take(count.unwrap_or(self.rest.len()))
    }

    /// Takes white space; whether there was any.
    pub(super) fn space(&mut self) -> bool {
        !self.take_while(|byte| byte.is_ascii_whitespace()).is_empty()
    }

    /// Takes white space and comments.
    pub(super) fn space_and_comments(&mut self) {
        loop {
            self.space();
            if self.peek() != Some(b'(') {
                return;
            }
            self.comment();
        }
    }

    /// Takes a comment, at whose opening parenthesis we are: its text, with quoted pairs undone and those within it as they
    /// stand.
    pub(super) fn comment(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut depth = 0_usize;
        while let [byte, rest @ ..] = self.rest {
            self.rest = rest;
            match byte {
                b'\\' => text.extend(self.take(1)),
                b'(' => {
                    depth += 1;
                    if depth > 1 {
                        text.push(*byte);
                    }
                }
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                    text.push(*byte);
                }
                _ => text.push(*byte),
            }
        }
        text
    }

    /// Takes a quoted string, at whose opening quote we are: its text, with quoted pairs undone.
    pub(super) fn quoted_string(&mut self) -> Vec<u8> {
        let mut text = Vec::new();
        self.take(1);
        while let [byte, rest @ ..] = self.rest {
            self.rest = rest;
            match byte {
                b'\\' => text.extend(self.take(1)),
                b'"' => break,
                _ => text.push(*byte),
            }
        }
        text
    }

    /// Takes a token of RFC 2045 §5.1, which may be empty. Bytes beyond ASCII pass.
    pub(super) fn token(&mut self) -> &'a [u8] {
        self.take_while(|byte| byte > b' ' && byte != 0x7f && !b"()<>@,;:\\\"/[]?=".contains(&byte))
    }
}
