//! The edge's question, who may pass, put to the accounts application.

use doorward_app::{Admit, Doorkeeper, Refused};
use doorward_edge::{Admission, Admitted, Bond, GateKnock, OperatorAdmitted, Refusal, Tether};
use doorward_kit::{RequestContext, SessionId};
use doorward_policy::RoutePolicy;
use futures_util::future::BoxFuture;
use http::request::Parts;

/// Answers [`Admission`] by asking a [`Doorkeeper`].
pub(super) struct AskDoorkeeper(pub(super) Doorkeeper);

impl Admission for AskDoorkeeper {
    fn admit<'a>(&'a self, head: &'a Parts, context: &'a RequestContext, route: &'a RoutePolicy) -> BoxFuture<'a, Admitted> {
        Box::pin(async move {
            match self.0.admit(head, context, route).await {
                Admit::Anonymous => Admitted::Anonymous,
                Admit::Identified { fields, cookies, session } => {
                    Admitted::Identified { fields, cookies, bond: Bond(*session.as_bytes()) }
                }
                Admit::Refused(refused) => Admitted::Refused(match refused {
                    Refused::NotAuthenticated => Refusal::NotAuthenticated,
                    Refused::Csrf => Refusal::Csrf,
                    Refused::Throttled { retry_after } => Refusal::Throttled { retry_after },
                    Refused::DuplicateCookie => Refusal::DuplicateCookie,
                    Refused::Forbidden => Refusal::Forbidden,
                    Refused::Unavailable => Refusal::Unavailable,
                }),
            }
        })
    }

    fn ended(&self, bond: Bond, route: &RoutePolicy) -> Tether {
        Box::pin(self.0.ended(SessionId::from_bytes(bond.0), route))
    }

    fn operator<'a>(&'a self, _knock: GateKnock<'a>) -> BoxFuture<'a, OperatorAdmitted> {
        Box::pin(std::future::ready(OperatorAdmitted::Refused(Refusal::NoOperatorSession)))
    }

    fn operator_ended(&self, _bond: Bond) -> Tether {
        Box::pin(std::future::ready(()))
    }
}
