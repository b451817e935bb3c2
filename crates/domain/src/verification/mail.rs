//! The mail that carries a verification token.

use doorward_kit::Token;
use zeroize::Zeroizing;

use crate::account::EmailAddress;
use crate::outbox::{Letter, MailKind};
use crate::service::AccountRules;

/// The link carries the token in its fragment, which no server, proxy or log ever sees (D-07); the bare token is for those whose
/// browser runs no script. Fixed text otherwise: nothing that a visitor typed enters it (EMAIL-08).
pub(crate) fn verification_mail(rules: &AccountRules, email: &EmailAddress, token: &Token) -> Letter {
    let AccountRules { site_name, link_origin, .. } = rules;
    let token = Zeroizing::new(token.reveal());
    let life = life(rules.verification_life.as_secs());
    let body = format!(
        "Somebody, we hope you, asked for an account at {site_name} with this address.\n\
         \n\
         To confirm that it is yours, open this link:\n\
         {link_origin}/account/verify#token={token}\n\
         \n\
         or open {link_origin}/account/verify and paste this code:\n\
         {token}\n\
         \n\
         Both work once, within {life}. If you did not ask for an account, do not open the link; nothing happens then.\n",
        token = *token,
    );
    Letter {
        kind: MailKind::Verification,
        to: email.display.clone(),
        subject: format!("Confirm your address for {site_name}"),
        body: Zeroizing::new(body),
    }
}

fn life(seconds: u64) -> String {
    match seconds {
        7200.. => format!("{} hours", seconds / 3600),
        _ => format!("{} minutes", seconds / 60),
    }
}
