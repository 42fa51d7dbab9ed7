//! Who may do how much: connections of the node, of an address and of a user; commands of a
//! connection, of a user and of an address.

use std::{net::IpAddr, sync::Arc};

use tidings::{Admission, Handshake, Permit, Refusal, Socket};

use crate::{client::Client, config::Config, fault::Fault, names::UserId};

/// The limits of a server, and how far they are used up. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Guard(Arc<Inner>);

#[derive(Debug)]
struct Inner {}

#[derive(Debug)]
pub(crate) struct Allowance;
#[derive(Debug)]
pub(crate) struct Place;

impl Guard {
    pub(crate) fn new(_: &Config) -> Self {
        Self(Arc::new(Inner {}))
    }
    pub(crate) fn address_of(&self, handshake: &Handshake) -> IpAddr {
        handshake.address().ip()
    }
    pub(crate) fn stranger(&self, _: IpAddr) -> Result<Option<Place>, Fault> {
        Ok(None)
    }
    pub(crate) fn place_for(&self, _: &UserId) -> Result<Place, Fault> {
        Ok(Place)
    }
    pub(crate) fn allowance(&self) -> Allowance {
        Allowance
    }
    pub(crate) fn take(&self, _: &Client, _: &Socket, _: u32) -> Result<(), Fault> {
        Ok(())
    }
}

impl Admission for Guard {
    fn admit(&self, _: &Handshake) -> Result<Permit, Refusal> {
        Ok(Permit::free())
    }
}
