//! Whose connection it is: the address of the client, through proxies that are trusted.
//!
//! A header is only as good as who wrote it. So the list of addresses is walked from its end,
//! which the nearest proxy wrote, and only as long as it leads from one trusted proxy to the next.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The header in which proxies say for whom they speak. Only one of them is looked at: a proxy
/// that writes one usually passes on what a client wrote into the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProxyHeader {
    /// `X-Forwarded-For: 192.0.2.7, 10.0.0.1`.
    #[default]
    XForwardedFor,
    /// `Forwarded: for=192.0.2.7;proto=https, for="[2001:db8::1]"` (RFC 7239).
    Forwarded,
}

impl ProxyHeader {
    /// Its name, in lower case.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

/// A network, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network(IpNet);

impl Network {
    /// Whether an address is in it. IPv4 addresses that are written as IPv6 count as what they
    /// are.
    pub(crate) fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether every address of its kind is in it.
    pub(crate) fn is_everything(self) -> bool {
        self.0.prefix_len() == 0
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let advice = || format!("{text} is no network: write 10.0.0.0/8, 192.0.2.7 or fd00::/8");
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_canonical().into()));
        }
        let net: IpNet = text.parse().map_err(|_| advice())?;
        match net.addr() {
            // Nothing would ever match it, since addresses are compared as what they are.
            IpAddr::V6(address) if address.to_ipv4_mapped().is_some() => Err(advice()),
            _ => Ok(Self(net.trunc())),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            self.0.addr().fmt(f)
        } else {
            self.0.fmt(f)
        }
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// Whether an address is of this machine.
pub(crate) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// The address of a client, for counting: of IPv6 the /64 network, since whoever has one address
/// of it has all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct AddressKey(IpAddr);

impl From<IpAddr> for AddressKey {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl fmt::Display for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        f.write_str(if self.0.is_ipv6() { "/64" } else { "" })
    }
}

/// The address of the client behind a connection.
///
/// `values` are the values of the header in the order in which they came; each may be a list.
/// Without a trusted proxy they are not looked at. When the way leads to something that is no
/// address, it is the peer's, which cannot be made up.
pub(crate) fn client<'a>(
    peer: IpAddr,
    proxies: &[Network],
    header: ProxyHeader,
    values: impl DoubleEndedIterator<Item = &'a str>,
) -> IpAddr {
    let trusted = |address| proxies.iter().any(|network| network.contains(address));
    let peer = peer.to_canonical();
    let mut client = peer;
    for value in values.rev() {
        if !trusted(client) {
            return client;
        }
        let Some(hops) = elements(value, header) else {
            return peer;
        };
        for hop in hops.into_iter().rev() {
            if !trusted(client) {
                return client;
            }
            let address = match header {
                ProxyHeader::XForwardedFor => address(hop),
                ProxyHeader::Forwarded => forwarded_for(hop).and_then(address),
            };
            match address {
                Some(address) => client = address.to_canonical(),
                None => return peer,
            }
        }
    }
    client
}

/// The elements of a list; a comma in quotes divides nothing.
///
/// `None` when a quote is left open: a client may have opened it, to swallow what the proxy adds.
/// What a proxy adds has an even number of them, so a client's open quote always shows.
fn elements(value: &str, header: ProxyHeader) -> Option<Vec<&str>> {
    let mut quoted = false;
    let elements = value
        .split(|it| {
            quoted ^= it == '"' && header == ProxyHeader::Forwarded;
            it == ',' && !quoted
        })
        .map(str::trim)
        .collect();
    (!quoted).then_some(elements)
}

/// What an element of `Forwarded` says of whom it is for.
fn forwarded_for(element: &str) -> Option<&str> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let mut names = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for"));
    let (_, value) = names.next()?;
    // Said twice, it says nothing.
    if names.next().is_some() {
        return None;
    }
    let value = value.trim();
    match value.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"'),
        None => Some(value),
    }
}

/// Reads an address that may have a port, as some proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    text.parse()
        .ok()
        .or_else(|| bare?.parse::<Ipv6Addr>().ok().map(IpAddr::V6))
        .or_else(|| text.parse().ok().map(|it: SocketAddr| it.ip()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(list: &[&str]) -> Vec<Network> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn from(peer: &str, proxies: &[&str], header: ProxyHeader, values: &[&str]) -> String {
        let (peer, proxies) = (peer.parse().unwrap(), networks(proxies));
        client(peer, &proxies, header, values.iter().copied()).to_string()
    }

    #[test]
    fn the_way_is_walked_back_as_far_as_it_is_trusted() {
        let ours = &["10.0.0.0/8", "2001:db8:ffff::/48"][..];
        for (peer, proxies, values, client) in [
            ("192.0.2.7", &[][..], &["1.2.3.4"][..], "192.0.2.7"),
            ("192.0.2.7", ours, &["1.2.3.4"], "192.0.2.7"),
            ("10.0.0.1", ours, &[], "10.0.0.1"),
            ("10.0.0.1", ours, &["1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", ours, &["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", ours, &["6.6.6.6", "1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", ours, &["6.6.6.6, 1.2.3.4, 10.0.0.2"], "1.2.3.4"),
            (
                "10.0.0.1",
                ours,
                &["6.6.6.6, 1.2.3.4", "10.0.0.2"],
                "1.2.3.4",
            ),
            ("10.0.0.1", ours, &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", ours, &["nonsense, 1.2.3.4"], "1.2.3.4"),
            ("10.0.0.1", ours, &["1.2.3.4, nonsense"], "10.0.0.1"),
            ("10.0.0.1", ours, &["1.2.3.4,"], "10.0.0.1"),
            ("10.0.0.1", ours, &[""], "10.0.0.1"),
            ("10.0.0.1", ours, &["unknown"], "10.0.0.1"),
            ("10.0.0.1", ours, &["1.2.3.4:5678"], "1.2.3.4"),
            ("10.0.0.1", ours, &["[2001:db8::1]:443"], "2001:db8::1"),
            ("10.0.0.1", ours, &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", ours, &["2001:db8::1"], "2001:db8::1"),
            ("::ffff:10.0.0.1", ours, &["::ffff:1.2.3.4"], "1.2.3.4"),
            ("2001:db8:ffff::1", ours, &["1.2.3.4"], "1.2.3.4"),
        ] {
            let walked = from(peer, proxies, ProxyHeader::XForwardedFor, values);
            assert_eq!(walked, client, "{peer} {values:?}");
        }
    }

    #[test]
    fn the_standard_header_is_read_in_all_its_forms() {
        for (value, client) in [
            ("for=1.2.3.4", "1.2.3.4"),
            ("For=\"1.2.3.4:80\";proto=https;by=10.0.0.1", "1.2.3.4"),
            ("proto=https; FOR = \"[2001:db8::1]:4711\"", "2001:db8::1"),
            ("for=6.6.6.6, for=1.2.3.4", "1.2.3.4"),
            ("for=1.2.3.4;ext=\"a, for=6.6.6.6\"", "1.2.3.4"),
            ("for=unknown", "10.0.0.1"),
            ("for=_hidden", "10.0.0.1"),
            ("for=1.2.3.4;for=6.6.6.6", "10.0.0.1"),
            ("proto=https", "10.0.0.1"),
            ("for=\"1.2.3.4", "10.0.0.1"),
            ("for=\"6.6.6.6\";x=\", for=\"1.2.3.4\"", "10.0.0.1"),
            ("for=\"6.6.6.6\";x=\", for=1.2.3.4", "10.0.0.1"),
            ("1.2.3.4", "10.0.0.1"),
        ] {
            let walked = from("10.0.0.1", &["10.0.0.1"], ProxyHeader::Forwarded, &[value]);
            assert_eq!(walked, client, "{value}");
        }
    }

    #[test]
    fn networks_are_read_and_matched() {
        for (text, written) in [
            ("10.1.2.3/8", Some("10.0.0.0/8")),
            ("192.0.2.7", Some("192.0.2.7")),
            ("::ffff:192.0.2.7", Some("192.0.2.7")),
            ("fd00::/8", Some("fd00::/8")),
            ("::ffff:10.0.0.0/104", None),
            ("10.0.0.0/33", None),
            ("localhost", None),
            ("", None),
        ] {
            let read = text.parse::<Network>().map(|it| it.to_string()).ok();
            assert_eq!(read.as_deref(), written, "{text}");
        }
        let [network] = networks(&["10.0.0.0/8"])[..] else {
            panic!("one was given");
        };
        assert!(network.contains("::ffff:10.9.9.9".parse().unwrap()));
        assert!(!network.contains("11.0.0.1".parse().unwrap()));
        assert!(!network.is_everything());
        assert!(
            networks(&["::/0", "0.0.0.0/0"])
                .iter()
                .all(|it| it.is_everything())
        );
    }

    #[test]
    fn who_has_one_address_of_a_network_has_all() {
        let key = |text: &str| AddressKey::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.7"), key("192.0.2.7"));
        assert_ne!(key("192.0.2.7"), key("192.0.2.8"));
        assert_eq!(key("2001:db8:1:2::1").to_string(), "2001:db8:1:2::/64");
        assert_eq!(key("192.0.2.7").to_string(), "192.0.2.7");
    }

    proptest! {
        #[test]
        fn whoever_is_not_trusted_stays_who_he_is(values in prop::collection::vec(".{0,60}", 0..4)) {
            let peer = IpAddr::from([192, 0, 2, 7]);
            let proxies = networks(&["10.0.0.0/8"]);
            for header in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
                let walked = client(peer, &proxies, header, values.iter().map(String::as_str));
                prop_assert_eq!(walked, peer);
            }
        }

        /// Whatever a client writes, what the trusted proxy adds behind it decides, or it counts
        /// as the proxy itself.
        #[test]
        fn what_a_client_writes_makes_him_nobody_else(forged in "(for=|[6.\",;x= \\\\]|.){0,40}") {
            let proxies = networks(&["10.0.0.0/8"]);
            let peer = IpAddr::from([10, 0, 0, 1]);
            for (header, added) in [
                (ProxyHeader::XForwardedFor, "192.0.2.7"),
                (ProxyHeader::Forwarded, "for=192.0.2.7"),
                (ProxyHeader::Forwarded, "for=\"192.0.2.7\""),
            ] {
                let value = format!("{forged}, {added}");
                let walked = client(peer, &proxies, header, [value.as_str()].into_iter());
                let told = walked == IpAddr::from([192, 0, 2, 7]);
                let open = header == ProxyHeader::Forwarded && walked == peer;
                prop_assert!(told || open, "{value} gives {walked}");
            }
        }
    }
}
