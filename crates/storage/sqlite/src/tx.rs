//! One unit of work.

use async_trait::async_trait;
use doorward_domain::store::{
    AuditLog, Ceremonies, Devices, Factors, GatePasses, Identities, OneTimes, Outbox, Sessions, SignInFailures, SignUps, Users,
};
use doorward_domain::{StoreError, Tx};
use sqlx::{Sqlite, Transaction};

use crate::error::fault;

/// A transaction that holds the one writing connection; dropped, it is rolled back before the connection is used again.
pub(crate) struct SqliteTx(pub(crate) Transaction<'static, Sqlite>);

#[async_trait]
impl Tx for SqliteTx {
    fn users(&mut self) -> &mut dyn Users {
        self
    }

    fn sessions(&mut self) -> &mut dyn Sessions {
        self
    }

    fn sign_ups(&mut self) -> &mut dyn SignUps {
        self
    }

    fn one_times(&mut self) -> &mut dyn OneTimes {
        self
    }

    fn devices(&mut self) -> &mut dyn Devices {
        self
    }

    fn failures(&mut self) -> &mut dyn SignInFailures {
        self
    }

    fn identities(&mut self) -> &mut dyn Identities {
        self
    }

    fn factors(&mut self) -> &mut dyn Factors {
        self
    }

    fn ceremonies(&mut self) -> &mut dyn Ceremonies {
        self
    }

    fn gate_passes(&mut self) -> &mut dyn GatePasses {
        self
    }

    fn audit(&mut self) -> &mut dyn AuditLog {
        self
    }

    fn outbox(&mut self) -> &mut dyn Outbox {
        self
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.0.commit().await.map_err(fault)
    }
}
