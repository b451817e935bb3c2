//! What callers ask for, where it is more than two or three values.

use doorward_kit::UserId;

use crate::account::EmailAddress;
use crate::credential::Password;

/// A wish for an account.
pub struct SignUp<'a> {
    /// As typed.
    pub email: &'a str,
    /// As typed.
    pub password: Password,
    /// Becomes the display name.
    pub name: Option<&'a str>,
    /// The token of an invitation, as it came.
    pub invitation: Option<&'a str>,
}

/// A sign-in with a password.
pub struct SignIn<'a> {
    /// As typed.
    pub identifier: &'a str,
    /// As typed.
    pub password: Password,
    /// The value of the session cookie that came along.
    pub presented: Option<&'a str>,
    /// The value of the device cookie that came along.
    pub device: Option<&'a str>,
    /// Whether the longer pair of clocks is wanted (D-13).
    pub remember: bool,
}

/// Whom to invite.
pub struct Invitation {
    /// The one address it is good for; any, if `None`.
    pub email: Option<EmailAddress>,
    /// Roles it grants.
    pub roles: Vec<String>,
    /// The operator's account, when it came from one.
    pub by: Option<UserId>,
}
