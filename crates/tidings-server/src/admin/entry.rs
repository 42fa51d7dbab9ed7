//! Who may administer: whoever has the password or a token that says so. In development without a
//! password, whoever is on this machine.

use std::sync::Arc;

use http::HeaderMap;
use jiff::Timestamp;
use tidings::Peer;

use crate::{
    api::{Holder, are_same, bearer},
    app::App,
    fault::{Code, Fault},
    origin,
};

/// The name by which logs and messages know administrators.
const NAME: &str = "admin";

/// What a request takes from the bucket of its address, and what it takes besides when it comes with
/// wrong credentials: so guessing ends soon, and looking at the page goes on.
const COST: u32 = 1;
const COST_OF_GUESS: u32 = 20;

/// Lets an administrator in.
///
/// # Errors
///
/// When the credentials are missing or wrong, or too many came from that address.
pub(super) async fn admit(
    app: &App,
    peer: Peer,
    headers: &HeaderMap,
) -> Result<Arc<Holder>, Fault> {
    let guard = app.guard();
    let address = guard.address_of_request(peer, headers);
    guard.take_of_address(address, COST)?;
    let password = app.config().admin.password.clone();
    if app.is_dev() && password.is_none() {
        if origin::is_own_and_local(headers) {
            return Ok(Holder::of_everything(NAME));
        }
        let sentence = "A server in development is administered by its own page only, or by \
                        programs on this machine.";
        return Err(Fault::new(Code::PermissionDenied, sentence));
    }
    let Some(presented) = bearer(headers) else {
        let sentence = match password {
            Some(_) => {
                "Sign in with the password of the setting admin.password, or with a token that has \
                 the claim admin."
            }
            None => "Sign in with a token that has the claim admin.",
        };
        return Err(Fault::new(Code::Unauthenticated, sentence));
    };
    if password.is_some_and(|it| are_same(it.reveal(), presented)) {
        return Ok(Holder::of_everything(NAME));
    }
    let verified = app.verifier();
    let verified = verified.verify_fresh(presented, Timestamp::now()).await;
    let fault = match verified {
        Ok(claims) if claims.admin => return Ok(Holder::of_everything(NAME)),
        Ok(claims) => {
            let sentence = format!("The token of {} does not have the claim admin.", claims.sub);
            Fault::new(Code::PermissionDenied, sentence)
        }
        Err(error) => {
            let sentence = format!(
                "This is neither the password of the setting admin.password nor a token that is \
                 good. {}",
                error.sentence()
            );
            Fault::new(Code::InvalidToken, sentence)
        }
    };
    tracing::warn!(%address, "somebody with wrong credentials was kept out of /admin");
    guard.take_of_address(address, COST_OF_GUESS)?;
    Err(fault)
}
