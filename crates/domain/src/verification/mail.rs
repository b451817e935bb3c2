//! The mail that carries a verification token.

use doorward_kit::Token;
use zeroize::Zeroizing;

use crate::account::{EmailAddress, mail};
use crate::outbox::{Letter, MailKind};
use crate::service::AccountRules;

/// Fixed text but for link and code (D-07, EMAIL-08).
pub(crate) fn verification_mail(rules: &AccountRules, email: &EmailAddress, token: &Token) -> Letter {
    let site_name = &rules.site_name;
    let ways = mail::ways(rules, "verify", "token", token);
    let life = mail::life(rules.verification_life.as_secs());
    let body = format!(
        "Somebody, we hope you, asked for an account at {site_name} with this address.\n\
         \n\
         To confirm that it is yours, open this link:\n\
         {ways}\n\
         Both work once, within {life}. If you did not ask for an account, do not open the link; nothing happens then.\n",
        ways = *ways,
    );
    Letter {
        kind: MailKind::Verification,
        to: email.display.clone(),
        subject: format!("Confirm your address for {site_name}"),
        body: Zeroizing::new(body),
    }
}
