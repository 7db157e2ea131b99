//! What servers tell each other of a domain's mail: aggregate reports of DMARC (RFC 7489 §7.2) and of TLS (RFC 8460).
//!
//! Here they are written, from what [`crate::storage::reports`] has counted, and read, when others send them; [`wanted`]
//! asks the DNS who wants one. Who sends them is `outbound/`, what comes here `delivery/` brings. Mail of other servers is
//! read here: [`received`] bounds what it may unfold to.

pub mod tls;
