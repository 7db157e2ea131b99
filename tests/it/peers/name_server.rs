//! A name server that knows what a test tells it (RFC 1035), signs it if it should (RFC 4035), and fails where it should.
//!
//! Everything is in one zone, the root, signed by one key. Absence is proven by an NSEC record made for the question. Names
//! below an unsigned zone are served without signatures, as if that zone were delegated without DS.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use hickory_resolver::proto::dnssec::crypto::Ed25519SigningKey;
use hickory_resolver::proto::dnssec::rdata::sig::SigInput;
use hickory_resolver::proto::dnssec::rdata::{DNSKEY, DNSSECRData, NSEC, RRSIG};
use hickory_resolver::proto::dnssec::{DnssecSigner, SigningKey, TBS};
use hickory_resolver::proto::op::{Edns, Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{NS, SOA};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType, SerialNumber};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_util::task::AbortOnDropHandle;

const TTL: u32 = 300;
/// The largest answer by UDP; larger ones are cut off and asked for again by TCP.
const MAX_UDP: usize = 1232;

/// A running name server; it ends when it is dropped.
pub(crate) struct NameServer {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    _serving: [AbortOnDropHandle<()>; 2],
}

#[derive(Default)]
struct Zone {
    records: BTreeMap<(Name, RecordType), Vec<RData>>,
    unsigned: Vec<Name>,
    /// Names for which the answer is SERVFAIL.
    failing: Vec<Name>,
    /// Names whose signatures are wrong.
    bogus: Vec<Name>,
    signer: Option<DnssecSigner>,
    asked: Vec<(Name, RecordType)>,
}

impl NameServer {
    /// One that signs nothing.
    pub(crate) async fn start() -> anyhow::Result<NameServer> {
        NameServer::serve(Zone::default()).await
    }

    /// One that signs everything, and writes its key to a file as a trust anchor.
    pub(crate) async fn signed(trust_anchor: &Path) -> anyhow::Result<NameServer> {
        let key = Ed25519SigningKey::from_pkcs8(&Ed25519SigningKey::generate_pkcs8()?)?;
        let public = key.to_public_key()?;
        let dnskey = DNSKEY::from_key(&public);
        std::fs::write(trust_anchor, format!(". {TTL} IN DNSKEY {dnskey}\n"))?;
        let mut zone = Zone {
            signer: Some(DnssecSigner::new(
                dnskey.clone(),
                Box::new(key),
                Name::root(),
                Duration::from_secs(3600),
            )),
            ..Zone::default()
        };
        zone.put(Name::root(), RData::DNSSEC(DNSSECRData::DNSKEY(dnskey)));
        zone.put(Name::root(), RData::NS(NS(name("ns.test")?)));
        NameServer::serve(zone).await
    }

    async fn serve(zone: Zone) -> anyhow::Result<NameServer> {
        let (udp, tcp) = bind().await?;
        let address = udp.local_addr()?;
        let zone = Arc::new(Mutex::new(zone));
        let (by_udp, by_tcp) = (zone.clone(), zone.clone());
        Ok(NameServer {
            address,
            zone,
            _serving: [
                AbortOnDropHandle::new(tokio::spawn(async move {
                    let mut question = [0; 4096];
                    while let Ok((length, peer)) = udp.recv_from(&mut question).await {
                        if let Some(answer) = answer(&by_udp, &question[..length], MAX_UDP) {
                            let _ = udp.send_to(&answer, peer).await;
                        }
                    }
                })),
                AbortOnDropHandle::new(tokio::spawn(async move {
                    while let Ok((stream, _)) = tcp.accept().await {
                        tokio::spawn(converse(by_tcp.clone(), stream));
                    }
                })),
            ],
        })
    }

    /// Where it answers, by UDP and TCP.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a record, as in `add("example.test", "MX 10 mx.example.test.")`.
    pub(crate) fn add(&self, owner: &str, record: &str) -> anyhow::Result<()> {
        let (kind, data) = record.split_once(' ').context("a type and its data")?;
        let data = RData::try_from_str(kind.parse()?, data).with_context(|| record.to_owned())?;
        self.zone.lock().unwrap().put(name(owner)?, data);
        Ok(())
    }

    /// From here on names below this one are not signed.
    pub(crate) fn unsigned(&self, zone: &str) -> anyhow::Result<()> {
        let zone = name(zone)?;
        let mut all = self.zone.lock().unwrap();
        all.put(zone.clone(), RData::NS(NS(name("ns.test")?)));
        all.unsigned.push(zone);
        Ok(())
    }

    /// From here on the answer for this name is SERVFAIL.
    pub(crate) fn fail(&self, owner: &str) -> anyhow::Result<()> {
        self.zone.lock().unwrap().failing.push(name(owner)?);
        Ok(())
    }

    /// From here on it is answered again for this name.
    pub(crate) fn mend(&self, owner: &str) -> anyhow::Result<()> {
        let owner = name(owner)?;
        self.zone.lock().unwrap().failing.retain(|name| *name != owner);
        Ok(())
    }

    /// From here on the signatures of this name are wrong.
    pub(crate) fn forge(&self, owner: &str) -> anyhow::Result<()> {
        self.zone.lock().unwrap().bogus.push(name(owner)?);
        Ok(())
    }

    /// How often this was asked for.
    pub(crate) fn asked(&self, owner: &str, kind: &str) -> anyhow::Result<usize> {
        let wanted = (name(owner)?, kind.parse()?);
        Ok(self
            .zone
            .lock()
            .unwrap()
            .asked
            .iter()
            .filter(|asked| **asked == wanted)
            .count())
    }
}

/// The same port by UDP and TCP.
async fn bind() -> anyhow::Result<(UdpSocket, TcpListener)> {
    for _ in 0..100 {
        let udp = UdpSocket::bind("127.0.0.1:0").await?;
        if let Ok(tcp) = TcpListener::bind(udp.local_addr()?).await {
            return Ok((udp, tcp));
        }
    }
    anyhow::bail!("no port is free by UDP and by TCP")
}

async fn converse(zone: Arc<Mutex<Zone>>, mut stream: TcpStream) {
    while let Ok(length) = stream.read_u16().await {
        let mut question = vec![0; usize::from(length)];
        if stream.read_exact(&mut question).await.is_err() {
            return;
        }
        let Some(answer) = answer(&zone, &question, usize::from(u16::MAX)) else {
            return;
        };
        let framed = [&(answer.len() as u16).to_be_bytes()[..], &answer].concat();
        if stream.write_all(&framed).await.is_err() {
            return;
        }
    }
}

fn answer(zone: &Mutex<Zone>, question: &[u8], limit: usize) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).ok()?;
    let query = question.queries.first()?.clone();
    let mut reply = Message::response(question.metadata.id, OpCode::Query);
    reply.metadata.recursion_desired = true;
    reply.metadata.recursion_available = true;
    reply.add_query(query.clone());
    if question.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(MAX_UDP as u16);
        reply.set_edns(edns);
    }
    zone.lock().unwrap().reply(query.name(), query.query_type(), &mut reply);
    let whole = reply.to_vec().ok()?;
    if whole.len() <= limit {
        return Some(whole);
    }
    reply.answers.clear();
    reply.authorities.clear();
    reply.metadata.truncation = true;
    reply.to_vec().ok()
}

impl Zone {
    fn put(&mut self, owner: Name, data: RData) {
        self.records.entry((owner, data.record_type())).or_default().push(data);
    }

    fn reply(&mut self, asked: &Name, kind: RecordType, reply: &mut Message) {
        self.asked.push((asked.clone(), kind));
        if self.failing.iter().any(|name| name == asked) {
            reply.metadata.response_code = ResponseCode::ServFail;
            return;
        }
        let mut owner = asked.clone();
        for _ in 0..8 {
            if let Some(found) = self.set(&owner, kind) {
                reply.add_answers(self.signed_set(found));
                return;
            }
            let Some(alias) = self.set(&owner, RecordType::CNAME) else {
                break;
            };
            if let RData::CNAME(target) = &alias[0].data {
                owner = target.0.clone();
            }
            reply.add_answers(self.signed_set(alias));
        }
        let soa = SOA::new(Name::root(), Name::root(), 1, 1, 1, 1, 1);
        let zone = self.unsigned.iter().find(|zone| zone.zone_of(&owner));
        let apex = zone
            .filter(|_| kind != RecordType::DS)
            .cloned()
            .unwrap_or_else(Name::root);
        let soa = Record::from_rdata(apex, TTL, RData::SOA(soa));
        reply.add_authorities(self.signed_set(vec![soa]));
        if self.signer.is_none() || self.is_unsigned(&owner) && kind != RecordType::DS {
            if !self.records.keys().any(|(name, _)| owner.zone_of(name)) && reply.answers.is_empty() {
                reply.metadata.response_code = ResponseCode::NXDomain;
            }
            return;
        }
        // The name is said to be there without the type, whether it is there or not.
        let types = self
            .records
            .keys()
            .filter(|(name, _)| *name == owner)
            .map(|(_, kind)| *kind);
        let next = Name::from_labels([&b"\0"[..]])
            .unwrap()
            .append_domain(&owner)
            .unwrap_or_default();
        let nsec = NSEC::new_cover_self(next, types.collect::<Vec<_>>());
        let nsec = Record::from_rdata(owner, TTL, RData::DNSSEC(DNSSECRData::NSEC(nsec)));
        reply.add_authorities(self.signed_set(vec![nsec]));
    }

    fn set(&self, owner: &Name, kind: RecordType) -> Option<Vec<Record>> {
        let data = self.records.get(&(owner.clone(), kind))?;
        Some(
            data.iter()
                .map(|data| Record::from_rdata(owner.clone(), TTL, data.clone()))
                .collect(),
        )
    }

    fn is_unsigned(&self, owner: &Name) -> bool {
        self.unsigned.iter().any(|zone| zone.zone_of(owner))
    }

    /// The records with their signature, if they have one.
    fn signed_set(&self, records: Vec<Record>) -> Vec<Record> {
        let (owner, kind) = (records[0].name.clone(), records[0].record_type());
        // What stands at a delegation on the side of the zone above is signed there.
        let above = kind == RecordType::NSEC && self.unsigned.contains(&owner);
        let Some(signer) = self.signer.as_ref().filter(|_| above || !self.is_unsigned(&owner)) else {
            return records;
        };
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs() as u32;
        let input = SigInput {
            type_covered: kind,
            algorithm: signer.key().algorithm(),
            num_labels: owner.num_labels(),
            original_ttl: TTL,
            sig_expiration: SerialNumber::new(now + 3600),
            sig_inception: SerialNumber::new(now - 3600),
            key_tag: signer.calculate_key_tag().unwrap(),
            signer_name: Name::root(),
        };
        let signed = TBS::from_input(&owner, DNSClass::IN, &input, records.iter()).unwrap();
        let mut signature = signer.sign(&signed).unwrap();
        if self.bogus.contains(&owner) {
            signature[0] ^= 1;
        }
        let signature = RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input, signature)));
        let signature = Record::from_rdata(owner, TTL, signature);
        records.into_iter().chain([signature]).collect()
    }
}

fn name(text: &str) -> anyhow::Result<Name> {
    let mut name = Name::from_ascii(text)?;
    name.set_fqdn(true);
    Ok(name)
}
