//! Foundations of everything that speaks on a socket: listeners, TLS, connections with a strict line reader. Knows
//! nothing of mail. `rustls` is named only here.

pub mod binding;
pub mod connection;
mod deflate;
pub(crate) mod der;
pub mod dns;
pub mod http;
pub mod listener;
pub mod network;
pub mod outgoing;
pub mod proxy;
pub mod roots;
mod stream;
pub mod tls;
pub mod tls_client;
pub mod unix;
mod verification;
