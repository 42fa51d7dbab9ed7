//! The keys of the API: who has one, and what it is good for.
//!
//! Keys are kept and compared as SHA-256 digests. A key that is presented is compared with all of
//! them, each in constant time, so that how long it takes tells nothing of any.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use crate::{
    config::api::KeyConfig,
    fault::{Code, Fault},
    identity::patterns::Patterns,
    names::RoomId,
};

use super::method::Scope;

/// Who has a key, and what it is good for.
#[derive(Debug)]
pub(crate) struct Holder {
    /// Whose it is.
    pub(crate) name: Arc<str>,
    methods: Option<Vec<String>>,
    rooms: Option<Patterns>,
}

/// All keys.
#[derive(Debug, Default)]
pub(super) struct Keys {
    digests: Vec<[u8; 32]>,
    holders: Vec<Arc<Holder>>,
}

impl Keys {
    pub(super) fn new(keys: &[KeyConfig]) -> Self {
        let holder = |key: &KeyConfig| {
            Arc::new(Holder {
                name: key.name.as_str().into(),
                methods: key.methods.clone(),
                rooms: key.rooms.clone(),
            })
        };
        Self {
            digests: keys.iter().map(|it| digest(it.key.reveal())).collect(),
            holders: keys.iter().map(holder).collect(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.holders.is_empty()
    }

    /// Who has that key.
    pub(super) fn holder(&self, presented: &str) -> Option<&Arc<Holder>> {
        let presented = digest(presented);
        let (mut found, mut place) = (Choice::from(0), 0_u64);
        for (number, digest) in (0_u64..).zip(&self.digests) {
            let same = digest.ct_eq(&presented);
            place.conditional_assign(&number, same);
            found |= same;
        }
        let holder = self.holders.get(usize::try_from(place).ok()?)?;
        bool::from(found).then_some(holder)
    }
}

impl Holder {
    /// Somebody who may do everything, without a key.
    pub(crate) fn of_everything(name: &str) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            methods: None,
            rooms: None,
        })
    }

    /// Whether the key is good for a method.
    ///
    /// # Errors
    ///
    /// When it is not, with what would have to be changed.
    pub(super) fn check_method(&self, method: &str, scope: Scope) -> Result<(), Fault> {
        let name = &self.name;
        if let Some(methods) = &self.methods
            && !methods.iter().any(|it| it == method)
        {
            return Err(Fault::new(
                Code::PermissionDenied,
                format!(
                    "The key {name} is not for {method}: its setting methods does not name it."
                ),
            ));
        }
        if self.rooms.is_some() && scope == Scope::Everywhere {
            return Err(Fault::new(
                Code::PermissionDenied,
                format!("The key {name} is for some rooms only, and {method} is about more."),
            ));
        }
        Ok(())
    }

    /// Whether the key is good for a room.
    pub(crate) fn is_for(&self, room: &RoomId) -> bool {
        let rooms = self.rooms.as_ref();
        rooms.is_none_or(|rooms| rooms.matches(room.as_str()))
    }

    /// Whether the key is good for every room.
    pub(crate) fn is_for_all_rooms(&self) -> bool {
        self.rooms.is_none()
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Whether two secrets are the same. How long it takes tells nothing of either.
pub(crate) fn are_same(one: &str, other: &str) -> bool {
    digest(one).ct_eq(&digest(other)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, key: &str) -> KeyConfig {
        KeyConfig {
            name: name.to_owned(),
            key: key.into(),
            methods: None,
            rooms: None,
        }
    }

    #[test]
    fn a_key_is_told_from_all_others() {
        let keys = Keys::new(&[key("one", "1111"), key("two", "2222"), key("three", "3333")]);
        for (presented, name) in [
            ("1111", Some("one")),
            ("2222", Some("two")),
            ("3333", Some("three")),
            ("", None),
            ("111", None),
            ("11111", None),
            ("4444", None),
        ] {
            let found = keys.holder(presented).map(|it| &*it.name);
            assert_eq!(found, name, "{presented}");
        }
        assert!(Keys::default().holder("").is_none());
    }

    #[test]
    fn a_key_is_good_for_what_it_says() {
        let mut config = key("chat", "1111");
        config.methods = Some(vec!["message".to_owned()]);
        config.rooms = Some(serde_json::from_str(r#"["team:*"]"#).expect("patterns"));
        let keys = Keys::new(&[config]);
        let holder = keys.holder("1111").expect("it is there");
        assert!(holder.check_method("message", Scope::Rooms).is_ok());
        assert!(holder.check_method("publish", Scope::Rooms).is_err());
        assert!(holder.check_method("message", Scope::Everywhere).is_err());
        assert!(holder.is_for(&"team:a".into()) && !holder.is_for(&"lobby".into()));
        assert!(!holder.is_for_all_rooms());
    }
}
