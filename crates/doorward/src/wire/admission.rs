//! The edge's question, who may pass, put to the accounts application.

use doorward_app::{Admit, AtGate, Doorkeeper, Refused};
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
                    Refused::SecondFactor => Refusal::SecondFactor,
                    Refused::Unavailable => Refusal::Unavailable,
                }),
            }
        })
    }

    fn ended(&self, bond: Bond, route: &RoutePolicy) -> Tether {
        Box::pin(self.0.ended(SessionId::from_bytes(bond.0), route))
    }

    fn operator<'a>(&'a self, knock: GateKnock<'a>) -> BoxFuture<'a, OperatorAdmitted> {
        let GateKnock { head, context, gate, path, query, is_navigation } = knock;
        let knock = doorward_app::GateKnock { head, context, gate, path, query, is_navigation };
        Box::pin(async move {
            OperatorAdmitted::Refused(match self.0.operator(knock).await {
                AtGate::Passed { fields, session } => {
                    return OperatorAdmitted::Passed { fields, bond: Bond(*session.as_bytes()) };
                }
                AtGate::Led { location, cookies } => return OperatorAdmitted::Led { location, cookies },
                AtGate::Foreign => Refusal::Csrf,
                AtGate::NoSession => Refusal::NoOperatorSession,
                AtGate::BadHandOver => Refusal::HandOver,
                AtGate::DuplicateCookie => Refusal::DuplicateCookie,
                AtGate::Unavailable => Refusal::Unavailable,
            })
        })
    }

    fn operator_ended(&self, bond: Bond) -> Tether {
        Box::pin(self.0.operator_ended(SessionId::from_bytes(bond.0)))
    }
}
