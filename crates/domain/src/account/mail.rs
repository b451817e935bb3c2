//! What the owner of an address is told when somebody signs up with it again (ENUM-03).

use zeroize::Zeroizing;

use super::EmailAddress;
use crate::outbox::{Letter, MailKind};
use crate::service::AccountRules;

/// Fixed text: nothing that a visitor typed enters it (EMAIL-08).
pub(crate) fn known_account_mail(rules: &AccountRules, email: &EmailAddress) -> Letter {
    let AccountRules { site_name, link_origin, .. } = rules;
    let body = format!(
        "Somebody, perhaps you, asked for an account at {site_name} with this address.\n\
         The address has an account already, and nothing about it was changed.\n\
         \n\
         Sign in: {link_origin}/account/sign-in\n\
         \n\
         If it was not you, there is nothing to do.\n"
    );
    Letter {
        kind: MailKind::KnownAccount,
        to: email.display.clone(),
        subject: format!("You already have an account at {site_name}"),
        body: Zeroizing::new(body),
    }
}
