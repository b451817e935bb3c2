//! What the owner of an account is told, and how links in mails are made. Fixed texts: nothing that a visitor typed enters one (EMAIL-08).

use doorward_kit::Token;
use zeroize::Zeroizing;

use super::EmailAddress;
use crate::outbox::{Letter, MailKind};
use crate::service::AccountRules;

/// A link whose token is in the fragment, which no server, proxy or log ever sees (D-07).
pub(crate) fn link(rules: &AccountRules, page: &str, name: &str, token: &Token) -> Zeroizing<String> {
    let token = Zeroizing::new(token.reveal());
    Zeroizing::new(format!("{}/account/{page}#{name}={}", rules.link_origin, *token))
}

/// The two ways on: the link, and the page with the bare token for those whose browser runs no script.
pub(crate) fn ways(rules: &AccountRules, page: &str, name: &str, token: &Token) -> Zeroizing<String> {
    let link = link(rules, page, name, token);
    let token = Zeroizing::new(token.reveal());
    Zeroizing::new(format!("{}\n\nor open {}/account/{page} and paste this code:\n{}\n", *link, rules.link_origin, *token))
}

/// How long a link works, in words.
pub(crate) fn life(seconds: u64) -> String {
    match seconds {
        172_800.. => format!("{} days", seconds / 86_400),
        7200.. => format!("{} hours", seconds / 3600),
        _ => format!("{} minutes", seconds / 60),
    }
}

fn letter(kind: MailKind, to: &EmailAddress, subject: String, body: String) -> Letter {
    Letter { kind, to: to.display.clone(), subject, body: Zeroizing::new(body) }
}

/// Somebody signed up with the address again (ENUM-03), or wanted to move an account to it (ENUM-10).
pub(crate) fn known_account_mail(rules: &AccountRules, email: &EmailAddress) -> Letter {
    let AccountRules { site_name, link_origin, .. } = rules;
    let body = format!(
        "Somebody, perhaps you, asked for an account at {site_name} with this address.\n\
         The address has an account already, and nothing about it was changed.\n\
         \n\
         Sign in: {link_origin}/account/sign-in\n\
         Password forgotten: {link_origin}/account/forgot\n\
         \n\
         If it was not you, there is nothing to do.\n"
    );
    letter(MailKind::KnownAccount, email, format!("You already have an account at {site_name}"), body)
}

/// Goes to the address that an account is to move to.
pub(crate) fn email_change_mail(rules: &AccountRules, to: &EmailAddress, token: &Token) -> Letter {
    let site_name = &rules.site_name;
    let ways = ways(rules, "email/confirm", "token", token);
    let life = life(rules.email_change_life.as_secs());
    let body = format!(
        "Somebody, we hope you, wants this address for their account at {site_name}.\n\
         \n\
         To confirm that it is yours, open this link:\n\
         {ways}\n\
         Both work once, within {life}. If it was not you, do not open the link; nothing happens then.\n",
        ways = *ways,
    );
    letter(MailKind::EmailChange, to, format!("Confirm your new address for {site_name}"), body)
}

/// Goes to the address that an account has just left.
pub(crate) fn email_changed_mail(rules: &AccountRules, former: &EmailAddress, token: &Token) -> Letter {
    let site_name = &rules.site_name;
    let ways = ways(rules, "email/undo", "token", token);
    let life = life(rules.email_undo_life.as_secs());
    let body = format!(
        "Your account at {site_name} has another address now; this one is no longer used for it.\n\
         \n\
         If it was not you, take the account back with this link:\n\
         {ways}\n\
         Both work once, within {life}. Every session then ends, the password no longer works, and you get a link for a new one.\n",
        ways = *ways,
    );
    letter(MailKind::EmailChangeNotice, former, format!("Your address at {site_name} was changed"), body)
}

/// Goes to whom an operator invites.
pub(crate) fn invitation_mail(rules: &AccountRules, email: &EmailAddress, token: &Token) -> Letter {
    let site_name = &rules.site_name;
    let ways = ways(rules, "sign-up", "invitation", token);
    let life = life(rules.invitation_life.as_secs());
    let body = format!(
        "You are invited to make an account at {site_name} with this address:\n\
         {ways}\n\
         Both work once, within {life}. If you do not want an account, there is nothing to do.\n",
        ways = *ways,
    );
    letter(MailKind::Invitation, email, format!("Your invitation to {site_name}"), body)
}

/// The account is gone.
pub(crate) fn deleted_mail(rules: &AccountRules, email: &EmailAddress) -> Letter {
    let site_name = &rules.site_name;
    let body = format!(
        "Your account at {site_name} was deleted, as somebody who knew its password asked for.\n\
         What was stored with it is gone and cannot be brought back.\n"
    );
    letter(MailKind::AccountDeleted, email, format!("Your account at {site_name} was deleted"), body)
}
