//! Keys of the API that cannot be right.

use jsonwebtoken::Algorithm;

use super::super::{Problem, api::ApiConfig, weakness};
use crate::{
    api::{Scope, method_names},
    names::UserId,
};

const KEYS: &str = "api.keys";

impl ApiConfig {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        let mut complain = |sentence: String| problems.push(Problem::with(&[KEYS], sentence));
        for (place, key) in self.keys.iter().enumerate() {
            let name = &key.name;
            // It is who sends messages that name no sender.
            if let Err(error) = UserId::new(name) {
                let error = error.replace("userId", "the name");
                complain(format!("api.keys: {error} of key {}", place + 1));
            }
            let before = &self.keys[..place];
            if before.iter().any(|it| it.name == *name) {
                complain(format!(
                    "api.keys: two keys have the name {name:?}; change one"
                ));
            }
            if let Some(same) = before.iter().find(|it| it.key == key.key) {
                let other = &same.name;
                complain(format!(
                    "api.keys: {name} and {other} have the same key; change one"
                ));
            }
            // As long as a secret of tokens, and as hard to guess.
            if let Some(weakness) = weakness::of(key.key.reveal(), Algorithm::HS256) {
                let weakness = weakness.replace("HS256", "a key");
                complain(format!(
                    "api.keys: the key of {name} {weakness}; {}",
                    weakness::ADVICE
                ));
            }
            if key.rooms.as_ref().is_some_and(|it| it.is_empty()) {
                complain(format!(
                    "api.keys: {name} is for no room; remove rooms, or name some"
                ));
            }
            let Some(methods) = &key.methods else {
                continue;
            };
            if methods.is_empty() {
                complain(format!(
                    "api.keys: {name} is for no method; remove methods, or name some"
                ));
            }
            for method in methods {
                match method_names().iter().find(|(known, _)| known == method) {
                    None => {
                        let known: Vec<_> = method_names().iter().map(|it| it.0).collect();
                        let known = known.join(", ");
                        complain(format!(
                            "api.keys: {name} names a method {method:?}, and there are only: {known}"
                        ));
                    }
                    Some((_, Scope::Everywhere)) if key.rooms.is_some() => complain(format!(
                        "api.keys: {name} is for some rooms, and {method} is about more; remove one"
                    )),
                    Some(_) => {}
                }
            }
        }
    }
}
