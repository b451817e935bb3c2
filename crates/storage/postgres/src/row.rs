//! Reading columns: a value that cannot be is a named inconsistency, never a panic and never a guess.

use std::net::IpAddr;

use doorward_domain::StoreError;
use doorward_kit::{Timestamp, TokenDigest};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::error::fault;

/// One row of a named table.
pub(crate) struct Columns<'a> {
    table: &'static str,
    row: &'a PgRow,
}

impl<'a> Columns<'a> {
    pub(crate) fn new(table: &'static str, row: &'a PgRow) -> Self {
        Self { table, row }
    }

    pub(crate) fn impossible(&self, what: &'static str) -> StoreError {
        StoreError::Inconsistent { table: self.table, what }
    }

    pub(crate) fn text(&self, name: &str) -> Result<String, StoreError> {
        self.row.try_get(name).map_err(fault)
    }

    pub(crate) fn text_or_null(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.row.try_get(name).map_err(fault)
    }

    /// A JSON array of names.
    pub(crate) fn names(&self, name: &str) -> Result<Vec<String>, StoreError> {
        serde_json::from_str(&self.text(name)?).map_err(|_| self.impossible("not a list of names"))
    }

    pub(crate) fn digest_or_null(&self, name: &str) -> Result<Option<TokenDigest>, StoreError> {
        let octets: Option<&[u8]> = self.row.try_get(name).map_err(fault)?;
        let digest = |octets| TokenDigest::from_slice(octets).ok_or_else(|| self.impossible("digest is not 32 octets"));
        octets.map(digest).transpose()
    }

    pub(crate) fn truth(&self, name: &str) -> Result<bool, StoreError> {
        self.row.try_get(name).map_err(fault)
    }

    pub(crate) fn count_or_null(&self, name: &str) -> Result<Option<u32>, StoreError> {
        let number: Option<i64> = self.row.try_get(name).map_err(fault)?;
        number.map(u32::try_from).transpose().map_err(|_| self.impossible("count is out of range"))
    }

    pub(crate) fn octets(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        self.row.try_get(name).map_err(fault)
    }

    pub(crate) fn octets_or_null(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.row.try_get(name).map_err(fault)
    }

    pub(crate) fn id(&self, name: &str) -> Result<[u8; 16], StoreError> {
        let octets: &[u8] = self.row.try_get(name).map_err(fault)?;
        octets.try_into().map_err(|_| self.impossible("id is not 16 octets"))
    }

    pub(crate) fn id_or_null(&self, name: &str) -> Result<Option<[u8; 16]>, StoreError> {
        let octets: Option<&[u8]> = self.row.try_get(name).map_err(fault)?;
        octets.map(TryInto::try_into).transpose().map_err(|_| self.impossible("id is not 16 octets"))
    }

    pub(crate) fn digest(&self, name: &str) -> Result<TokenDigest, StoreError> {
        let octets: &[u8] = self.row.try_get(name).map_err(fault)?;
        TokenDigest::from_slice(octets).ok_or_else(|| self.impossible("digest is not 32 octets"))
    }

    pub(crate) fn instant(&self, name: &str) -> Result<Timestamp, StoreError> {
        self.instant_or_null(name)?.ok_or_else(|| self.impossible("instant is missing"))
    }

    pub(crate) fn instant_or_null(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        let micros: Option<i64> = self.row.try_get(name).map_err(fault)?;
        micros.map(Timestamp::from_microsecond).transpose().map_err(|_| self.impossible("instant is out of range"))
    }

    pub(crate) fn count(&self, name: &str) -> Result<u32, StoreError> {
        let number: i64 = self.row.try_get(name).map_err(fault)?;
        u32::try_from(number).map_err(|_| self.impossible("count is out of range"))
    }

    pub(crate) fn large_count(&self, name: &str) -> Result<u64, StoreError> {
        self.large_count_or_null(name)?.ok_or_else(|| self.impossible("count is missing"))
    }

    pub(crate) fn large_count_or_null(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let number: Option<i64> = self.row.try_get(name).map_err(fault)?;
        number.map(u64::try_from).transpose().map_err(|_| self.impossible("count is out of range"))
    }

    pub(crate) fn address_or_null(&self, name: &str) -> Result<Option<IpAddr>, StoreError> {
        let text = self.text_or_null(name)?;
        text.map(|text| text.parse()).transpose().map_err(|_| self.impossible("not an IP address"))
    }
}

/// Names as [`Columns::names`] reads them.
pub(crate) fn names(list: &[String]) -> String {
    serde_json::Value::from(list.to_vec()).to_string()
}

/// A count as [`Columns::large_count`] reads it.
pub(crate) fn to_count(count: u64) -> Result<i64, StoreError> {
    i64::try_from(count).map_err(|_| StoreError::Inconsistent { table: "(any)", what: "count is out of range" })
}
