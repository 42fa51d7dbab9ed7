//! Who may do how much: connections of the node, of an address and of a user; commands of a
//! connection, of a user and of an address.
//!
//! It is asked before anything is done, and answers at once.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use http::HeaderMap;
use tidings::{Admission, CloseCode, Handshake, Peer, Permit, Refusal, Socket};

use crate::{
    client::Client,
    commands,
    config::{Config, limits::RatesConfig},
    fault::{Code, Fault},
    limits::{
        address::{self, AddressKey, Network, ProxyHeader},
        bucket::{Bucket, Rate},
        counts::{Admitted, Connections, Full},
        keyed::Keyed,
        meters::{Limit, Meters},
    },
    names::UserId,
};

/// The limits of a server, and how far they are used up. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Guard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    trusted_proxies: Vec<Network>,
    proxy_header: ProxyHeader,
    connections: Connections,
    rates: ArcSwap<Rates>,
    users: Keyed<UserId>,
    addresses: Keyed<AddressKey>,
    meters: Meters,
    /// When somebody else lets clients in again, once nobody is let in here any more.
    back: OnceLock<Instant>,
}

/// How often a connection may ask for something, and be refused.
#[derive(Debug)]
struct Rates {
    connection: Rate,
    refusals: Rate,
}

impl Rates {
    fn new(config: &RatesConfig) -> Self {
        Self {
            connection: config.connection.into(),
            refusals: Rate::of_refusals(config.close_after),
        }
    }
}

/// What one connection may still ask for.
#[derive(Debug, Default)]
pub(crate) struct Allowance {
    commands: Bucket,
    /// How often it may still be refused.
    refusals: Bucket,
    /// It is being closed.
    spent: bool,
}

impl Guard {
    /// Limits that nobody has used yet.
    pub(crate) fn new(config: &Config) -> Self {
        let rate = &config.limits.rate;
        Self(Arc::new(Inner {
            trusted_proxies: config.trusted_proxies.clone(),
            proxy_header: config.proxy_header,
            connections: Connections::new(&config.limits),
            rates: ArcSwap::from_pointee(Rates::new(rate)),
            users: Keyed::new(rate.user.into(), rate.tracked),
            addresses: Keyed::new(rate.ip.into(), rate.tracked),
            meters: Meters::default(),
            back: OnceLock::new(),
        }))
    }

    /// Applies other limits from now on. What is used up stays so.
    pub(crate) fn reload(&self, config: &Config) {
        let rate = &config.limits.rate;
        self.0.rates.store(Arc::new(Rates::new(rate)));
        self.0.users.set_rate(rate.user.into());
        self.0.addresses.set_rate(rate.ip.into());
        self.0.connections.reload(&config.limits);
    }

    /// Where a client comes from, as far as trusted proxies tell.
    pub(crate) fn address_of(&self, handshake: &Handshake) -> IpAddr {
        let header = self.0.proxy_header;
        let values: Vec<_> = handshake
            .headers()
            .filter(|(name, _)| *name == header.name())
            .map(|(_, value)| value)
            .collect();
        let peer = handshake.address().ip();
        address::client(peer, &self.0.trusted_proxies, header, values.into_iter())
    }

    /// Counts a connection as one of a user.
    ///
    /// # Errors
    ///
    /// When the user has too many.
    pub(crate) fn sign_in(&self, socket: &Socket, user: &UserId) -> Result<(), Fault> {
        let Some(admitted) = socket.connection().held::<Arc<Admitted>>() else {
            // It is over, and counts no longer.
            return Ok(());
        };
        admitted.sign_in(user).map_err(|full| {
            self.hit(full.into());
            Fault::new(Code::ConnectionLimit, sentence(full))
        })
    }

    /// Takes what a command costs from the buckets of the connection, its user and its address. A
    /// client that does not heed refusals is closed.
    ///
    /// # Errors
    ///
    /// When there is not enough left, with the time to wait.
    pub(crate) fn take(&self, client: &Client, socket: &Socket, cost: u32) -> Result<(), Fault> {
        let now = Instant::now();
        let inner = &*self.0;
        let rates = inner.rates.load();
        let session = client.session();
        let mut allowance = client.allowance();
        let taken = allowance
            .commands
            .try_take(&rates.connection, cost, now)
            .map_err(|wait| (Limit::RatePerConnection, wait));
        let taken = taken.and_then(|()| {
            let Some(session) = &session else {
                return Ok(());
            };
            let taken = inner.users.try_take(session.user_id(), cost, now);
            taken.map_err(|wait| (Limit::RatePerUser, wait))
        });
        let taken = taken.and_then(|()| {
            let taken = inner.addresses.try_take(&client.address.into(), cost, now);
            taken.map_err(|wait| (Limit::RatePerIp, wait))
        });
        let Err((limit, wait)) = taken else {
            return Ok(());
        };
        self.hit(limit);
        let refusals = allowance.refusals.try_take(&rates.refusals, 1, now);
        let close = refusals.is_err() && !std::mem::replace(&mut allowance.spent, true);
        drop(allowance);
        if close {
            self.hit(Limit::CloseAfter);
            let sentence = "Too many commands came too soon, for too long.";
            commands::dismiss(
                socket,
                Code::RateLimited,
                sentence,
                CloseCode::TOO_MANY_REQUESTS,
            );
        }
        let sentence = "Too many commands at once. Wait, and send it again.";
        Err(Fault::new(Code::RateLimited, sentence).after(wait))
    }

    /// Where a request comes from, as far as trusted proxies tell.
    pub(crate) fn address_of_request(&self, peer: Peer, headers: &HeaderMap) -> IpAddr {
        let header = self.0.proxy_header;
        let values = headers.get_all(header.name()).iter();
        let values: Vec<_> = values.filter_map(|it| it.to_str().ok()).collect();
        let proxies = &self.0.trusted_proxies;
        address::client(peer.address.ip(), proxies, header, values.into_iter())
    }

    /// Takes what a request costs from the bucket of an address.
    ///
    /// # Errors
    ///
    /// When there is not enough left, with the time to wait.
    pub(crate) fn take_of_address(&self, address: IpAddr, cost: u32) -> Result<(), Fault> {
        let taken = self
            .0
            .addresses
            .try_take(&address.into(), cost, Instant::now());
        taken.map_err(|wait| {
            self.hit(Limit::RatePerIp);
            let sentence = "Too many requests at once. Wait, and send it again.";
            Fault::new(Code::RateLimited, sentence).after(wait)
        })
    }

    /// Whether the server is about to end.
    pub(crate) fn is_draining(&self) -> bool {
        self.0.back.get().is_some()
    }

    /// The server is about to end, and lets nobody in from now on. Whoever comes is told to come
    /// back after that time.
    pub(crate) fn begin_draining(&self, back_in: Duration) {
        self.0.back.get_or_init(|| Instant::now() + back_in);
    }

    /// Counts that a limit has refused somebody.
    pub(crate) fn hit(&self, limit: Limit) {
        self.0.meters.hit(limit);
    }

    /// How often each limit has refused somebody.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = (Limit, u64)> {
        self.0.meters.read()
    }
}

impl Admission for Guard {
    fn admit(&self, handshake: &Handshake) -> Result<Permit, Refusal> {
        if let Some(back) = self.0.back.get() {
            let wait = back.saturating_duration_since(Instant::now());
            let wait = wait.max(Duration::from_secs(1));
            let refusal = Refusal::unavailable("The server is shutting down.");
            return Err(refusal.retry_after(wait));
        }
        let address = self.address_of(handshake);
        match self.0.connections.admit(address.into()) {
            Ok(admitted) => Ok(Permit::holding(Arc::new(admitted))),
            Err(full) => {
                self.hit(full.into());
                Err(match full {
                    Full::Node => Refusal::unavailable(sentence(full)),
                    _ => Refusal::too_many_requests(sentence(full)),
                })
            }
        }
    }
}

/// What the client is told.
fn sentence(full: Full) -> String {
    let mut sentence = full.to_string();
    // All of ours begin with a letter of ASCII.
    sentence[..1].make_ascii_uppercase();
    sentence + ". Close another one first, or try again later."
}
