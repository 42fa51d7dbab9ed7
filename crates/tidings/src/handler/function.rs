//! Async functions as handlers.

use std::future::Future;

use super::{
    context::Context,
    extract::{FromContext, Rejection},
};

/// An async function whose parameters are all extractors, as is implemented for up to six.
///
/// `M` only tells the implementations apart; `S` is the state of the namespace.
pub trait Handler<M, S>: Send + Sync + 'static {
    /// What the function returns.
    type Output;

    /// Extracts the parameters, at once, and calls the function.
    ///
    /// # Errors
    ///
    /// When a parameter cannot be extracted; the function is not called then.
    fn call(
        &self,
        context: &mut Context,
        state: &S,
    ) -> Result<impl Future<Output = Self::Output> + Send + 'static, Rejection>;
}

macro_rules! impl_handler {
    ($($parameter:ident),*) => {
        impl<F, Fut, S, $($parameter,)*> Handler<($($parameter,)*), S> for F
        where
            F: Fn($($parameter,)*) -> Fut + Send + Sync + 'static,
            Fut: Future + Send + 'static,
            $($parameter: FromContext<S>,)*
        {
            type Output = Fut::Output;

            #[allow(unused_variables, reason = "not all arities use them")]
            fn call(
                &self,
                context: &mut Context,
                state: &S,
            ) -> Result<impl Future<Output = Fut::Output> + Send + 'static, Rejection> {
                Ok(self($($parameter::from_context(context, state)?,)*))
            }
        }
    };
}

impl_handler!();
impl_handler!(A);
impl_handler!(A, B);
impl_handler!(A, B, C);
impl_handler!(A, B, C, D);
impl_handler!(A, B, C, D, E);
impl_handler!(A, B, C, D, E, G);
