//! The texts. Nothing that a visitor typed enters one (EMAIL-08): a browser is told by words of ours, a place by its network and not by
//! its whereabouts, a provider by what the configuration calls it.

use doorward_kit::{Timestamp, Token};
use zeroize::Zeroizing;

use super::{Notice, browser, end};
use crate::account::{EmailAddress, mail};
use crate::factor::FactorKind;
use crate::outbox::{Letter, MailKind};
use crate::service::{AccountRules, Visitor};

/// A subject, and what happened.
struct Text {
    kind: MailKind,
    subject: String,
    deed: String,
}

pub(super) fn of(rules: &AccountRules, to: &EmailAddress, notice: Notice<'_>, token: &Token, now: Timestamp) -> Letter {
    let Text { kind, subject, deed } = text(&rules.site_name, notice, now);
    let ways = mail::ways(rules, "end-sessions", "token", token);
    let life = mail::life(end::LINK_LIFE.as_secs());
    let body = format!(
        "{deed}\n\
         \n\
         If it was you, there is nothing to do. If it was not, end every session of your account with this link:\n\
         {ways}\n\
         Both work once, within {life}. You then get a link for a new password.\n",
        ways = *ways,
    );
    Letter { kind, to: to.display.clone(), subject, body: Zeroizing::new(body) }
}

fn text(site: &str, notice: Notice<'_>, now: Timestamp) -> Text {
    let of = |kind, subject: String, deed: String| Text { kind, subject, deed };
    match notice {
        Notice::NewDevice(visitor) => {
            of(MailKind::NewDevice, format!("A new sign-in to your account at {site}"), new_device(site, visitor, now))
        }
        Notice::FactorAdded(kind) => of(
            MailKind::FactorAdded,
            format!("A second factor was added to your account at {site}"),
            format!("{} was added to your account at {site}. From now on a sign-in asks for a second factor.", a(kind)),
        ),
        Notice::FactorRemoved(kind) => of(
            MailKind::FactorRemoved,
            format!("A second factor was removed from your account at {site}"),
            format!("{} was removed from your account at {site}.", a(kind)),
        ),
        Notice::RecoveryCodeUsed(left) => of(
            MailKind::RecoveryCodeUsed,
            format!("A recovery code of your account at {site} was used"),
            format!("A recovery code was used in the place of a second factor of your account at {site}. {}", codes_left(left)),
        ),
        Notice::RecoveryCodesMade => of(
            MailKind::RecoveryCodesMade,
            format!("New recovery codes for your account at {site}"),
            format!("New recovery codes were made for your account at {site}. The former ones are void."),
        ),
        Notice::ProviderLinked(label) => of(
            MailKind::ProviderLinked,
            format!("Your account at {site} was linked with {label}"),
            format!("Your account at {site} was linked with an account at {label}, which can sign in to it from now on."),
        ),
        Notice::ProviderUnlinked(label) => of(
            MailKind::ProviderUnlinked,
            format!("Your account at {site} is no longer linked with {label}"),
            format!(
                "Your account at {site} is no longer linked with an account at {label}, which cannot sign in to it any more."
            ),
        ),
        Notice::PasswordChanged => of(
            MailKind::PasswordChanged,
            format!("Your password at {site} was changed"),
            format!("The password of your account at {site} was changed, and every other session of it has ended."),
        ),
    }
}

fn new_device(site: &str, visitor: Visitor<'_>, now: Timestamp) -> String {
    format!(
        "Somebody signed in to your account at {site} with a browser that was not used for it before:\n\
         \n\
         Browser: {}\n\
         Network: {}\n\
         Time:    {}",
        browser(visitor.user_agent.unwrap_or_default()).as_deref().unwrap_or("not recognised"),
        visitor.context.client.masked(),
        now.strftime("%-d %B %Y, %H:%M UTC"),
    )
}

const fn a(kind: FactorKind) -> &'static str {
    match kind {
        FactorKind::Totp => "An app for one-time codes",
        FactorKind::Passkey => "A passkey",
    }
}

fn codes_left(left: u32) -> String {
    match left {
        0 => "None is left: make new ones.".to_owned(),
        1 => "One is left.".to_owned(),
        left => format!("{left} are left."),
    }
}
