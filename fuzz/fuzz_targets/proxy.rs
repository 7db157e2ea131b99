//! The header of the PROXY protocol: no octets make it panic, it never asks for nothing, and a header that is whole with what
//! follows cut off one octet earlier was not whole.

#![no_main]

use libfuzzer_sys::fuzz_target;
use posthaste::net::proxy::{Parsed, parse};

fuzz_target!(|bytes: &[u8]| {
    let mut seen = 0;
    while let Some(Ok(Parsed::More(more))) = bytes.get(..seen).map(parse) {
        assert!(more > 0);
        seen += more;
    }
    if let Some(Ok(Parsed::Header(_))) = bytes.get(..seen).map(parse) {
        assert!(!matches!(parse(&bytes[..seen - 1]), Ok(Parsed::Header(_))));
    }
});
