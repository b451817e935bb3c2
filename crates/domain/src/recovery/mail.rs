//! The mail that carries a reset token, and the one that tells that it was used.

use doorward_kit::Token;
use zeroize::Zeroizing;

use crate::account::{EmailAddress, mail};
use crate::outbox::{Letter, MailKind};
use crate::service::AccountRules;

/// Goes to the stored address, never to what was typed (FORGOT-05).
pub(crate) fn recovery_mail(rules: &AccountRules, email: &EmailAddress, token: &Token) -> Letter {
    let site_name = &rules.site_name;
    let ways = mail::ways(rules, "reset", "token", token);
    let life = mail::life(rules.recovery_life.as_secs());
    let body = format!(
        "Somebody, we hope you, forgot the password of your account at {site_name}.\n\
         \n\
         To choose a new one, open this link:\n\
         {ways}\n\
         Both work once, within {life}. If it was not you, there is nothing to do: the password stays as it is.\n",
        ways = *ways,
    );
    letter(MailKind::Recovery, email, format!("Choose a new password for {site_name}"), body)
}

/// RESET-07: neither the password nor a token.
pub(crate) fn recovered_mail(rules: &AccountRules, email: &EmailAddress) -> Letter {
    let AccountRules { site_name, link_origin, .. } = rules;
    let body = format!(
        "A new password was set for your account at {site_name} with a link that was mailed to this address.\n\
         Every session of the account has ended. Sign in: {link_origin}/account/sign-in\n\
         \n\
         If it was not you, somebody else reads your mail: secure your mailbox first, then choose a new password:\n\
         {link_origin}/account/forgot\n"
    );
    letter(MailKind::PasswordChanged, email, format!("Your password at {site_name} was reset"), body)
}

fn letter(kind: MailKind, to: &EmailAddress, subject: String, body: String) -> Letter {
    Letter { kind, to: to.display.clone(), subject, body: Zeroizing::new(body) }
}
