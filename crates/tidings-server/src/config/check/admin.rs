//! What cannot be right about the administration.

use crate::config::{Config, Problem, weakness};

const ENABLED: &str = "admin.enabled";
const PASSWORD: &str = "admin.password";
const PASSWORD_CHARACTERS: usize = 16;

impl Config {
    pub(super) fn check_admin(&self, dev: bool, problems: &mut Vec<Problem>) {
        let Some(password) = &self.admin.password else {
            return;
        };
        if password.reveal().chars().count() < PASSWORD_CHARACTERS {
            let sentence = format!(
                "{PASSWORD} has fewer than {PASSWORD_CHARACTERS} characters, so it could be \
                 guessed; {}",
                weakness::ADVICE
            );
            problems.push(Problem::with(&[PASSWORD], sentence));
        }
        if !self.admin.enabled && !dev {
            let sentence = format!(
                "{PASSWORD} is set and {ENABLED} is not, so there is nothing to enter with it; set \
                 {ENABLED} = true, or leave the password out"
            );
            problems.push(Problem::with(&[PASSWORD, ENABLED], sentence));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AdminConfig;

    #[test]
    fn a_password_that_opens_nothing_is_a_mistake() {
        let problems = |enabled, dev| {
            let mut problems = Vec::new();
            let config = Config {
                admin: AdminConfig {
                    enabled,
                    password: Some("5f2b7c1d9e8a4b60".into()),
                },
                ..Config::default()
            };
            config.check_admin(dev, &mut problems);
            problems.len()
        };
        assert_eq!(problems(false, false), 1);
        assert_eq!(problems(true, false), 0);
        // There is always a page in development.
        assert_eq!(problems(false, true), 0);
    }
}
