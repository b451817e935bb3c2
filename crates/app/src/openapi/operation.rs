//! What the table of routes cannot say: words, fields of bodies, answers.

use crate::route::Endpoint;

/// One operation in words.
pub(super) struct Operation {
    /// Its name for generated clients.
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) about: &'static str,
    pub(super) body: Body,
    /// What is its own; the common failures are added.
    pub(super) answers: Vec<Answer>,
}

/// What is sent.
pub(super) enum Body {
    /// Nothing.
    None,
    /// An object of these fields.
    Json(&'static [Field]),
    /// What browsers send by themselves.
    Report,
}

/// A member of a body.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) is_required: bool,
}

/// What a member is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// An address, or what is taken for one.
    Email,
    /// Text of up to so many characters.
    Text(u32),
    /// The same, and `null` clears.
    Clearable(u32),
    /// An https address; `null` clears.
    Link,
    /// A password.
    Password,
    /// The code of a mail.
    Token,
    /// A yes or no.
    Flag,
    /// What a browser made of a passkey's answer (WebAuthn Level 3 §5.1, `toJSON`).
    Credential,
}

/// One way in which it ends.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) about: &'static str,
    pub(super) shape: Shape,
}

/// What is answered.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Empty,
    Detail,
    Problem,
    Me,
    Sessions,
    Export,
    Health,
    Keys,
    SignIn,
    Factors,
    SharedKey,
    NewFactor,
    RecoveryCodes,
    PasskeyRequest,
    PasskeyCreation,
    Providers,
    ProviderWay,
}

impl Answer {
    pub(super) const fn failure(status: u16, about: &'static str) -> Self {
        Self { status, about, shape: Shape::Problem }
    }
}

const fn needed(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, is_required: true }
}

const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, is_required: false }
}

const REGISTER: &[Field] = &[
    needed("email", Kind::Email),
    needed("password", Kind::Password),
    optional("username", Kind::Text(150)),
    optional("invitation", Kind::Token),
];
const LOGIN: &[Field] = &[
    optional("email", Kind::Email),
    optional("username", Kind::Email),
    needed("password", Kind::Password),
    optional("remember", Kind::Flag),
];
const PROFILE: &[Field] =
    &[optional("display_name", Kind::Clearable(150)), optional("avatar_url", Kind::Link), optional("bio", Kind::Clearable(2000))];
const ADDRESS: &[Field] = &[needed("email", Kind::Email)];
const VERIFY: &[Field] = &[needed("token", Kind::Token), optional("password", Kind::Password)];
const CODE: &[Field] = &[needed("token", Kind::Token)];
const RESET: &[Field] = &[needed("token", Kind::Token), needed("password", Kind::Password)];
const PASSWORD: &[Field] = &[needed("current_password", Kind::Password), needed("new_password", Kind::Password)];
const NEW_ADDRESS: &[Field] = &[needed("email", Kind::Email), needed("current_password", Kind::Password)];
const PROOF: &[Field] = &[needed("current_password", Kind::Password)];
const SECOND: &[Field] =
    &[optional("code", Kind::Token), optional("challenge", Kind::Token), optional("credential", Kind::Credential)];
const PASSKEY: &[Field] =
    &[needed("challenge", Kind::Token), needed("credential", Kind::Credential), optional("remember", Kind::Flag)];
const FIRST_CODE: &[Field] = &[needed("enrolment", Kind::Token), needed("code", Kind::Token)];
const NEW_PASSKEY: &[Field] =
    &[needed("enrolment", Kind::Token), needed("name", Kind::Text(60)), needed("credential", Kind::Credential)];
const FACTOR_NAME: &[Field] = &[needed("name", Kind::Text(60))];
const PROVIDER_START: &[Field] = &[optional("next", Kind::Text(2048)), optional("mode", Kind::Text(10))];
const PROVIDER_ANSWER: &[Field] = &[
    optional("code", Kind::Text(4096)),
    needed("state", Kind::Token),
    optional("iss", Kind::Text(2048)),
    optional("error", Kind::Flag),
];
const MAYBE_PROOF: &[Field] = &[optional("current_password", Kind::Password)];
const FRESH_PROOF: &[Field] = &[
    optional("current_password", Kind::Password),
    optional("code", Kind::Token),
    optional("challenge", Kind::Token),
    optional("credential", Kind::Credential),
];

/// `None` for what is no API: pages and their assets.
pub(super) fn of(endpoint: Endpoint) -> Option<Operation> {
    use Endpoint as E;
    Some(match endpoint {
        E::CsrfToken
        | E::Register
        | E::Login
        | E::Logout
        | E::VerifyEmail
        | E::ResendVerification
        | E::ForgotPassword
        | E::ResetPassword => entrance(endpoint),
        E::Me
        | E::Profile
        | E::DeleteAccount
        | E::Export
        | E::ChangePassword
        | E::ChangeEmail
        | E::ConfirmEmail
        | E::UndoEmail
        | E::EndSessions => account(endpoint),
        E::Refresh | E::SessionList | E::RevokeSession | E::RevokeOthers => sessions(endpoint),
        E::LoginSecondFactor | E::PasskeyOptions | E::PasskeyLogin | E::StepUp | E::StepUpOptions => proofs(endpoint),
        E::FactorList
        | E::OfferTotp
        | E::ConfirmTotp
        | E::OfferPasskey
        | E::ConfirmPasskey
        | E::RenameFactor
        | E::RemoveFactor
        | E::RecoveryCodes => factors(endpoint),
        E::ProviderList | E::ProviderStart | E::ProviderFinish | E::ProviderUnlink => providers(endpoint),
        E::Health | E::CspReport | E::Jwks => house(endpoint),
        E::Asset
        | E::SignUpForm
        | E::SignUp
        | E::CheckMail
        | E::VerifyForm
        | E::Verify
        | E::ResendForm
        | E::Resend
        | E::SignInForm
        | E::SignIn
        | E::SignOut
        | E::ForgotForm
        | E::Forgot
        | E::ResetForm
        | E::Reset
        | E::Account
        | E::ProfileForm
        | E::ProfileSave
        | E::PasswordForm
        | E::PasswordSave
        | E::EmailForm
        | E::EmailSave
        | E::ConfirmEmailForm
        | E::ConfirmEmailSave
        | E::UndoEmailForm
        | E::UndoEmailSave
        | E::EndSessionsForm
        | E::EndSessionsSave
        | E::SessionsPage
        | E::SessionEnd
        | E::SessionsEnd
        | E::DeviceForget
        | E::ExportFile
        | E::DeleteForm
        | E::Delete
        | E::SecondFactorForm
        | E::SecondFactor
        | E::FactorsPage
        | E::FactorRename
        | E::FactorRemove
        | E::TotpForm
        | E::TotpOffer
        | E::TotpSave
        | E::PasskeyForm
        | E::RecoveryCodesForm
        | E::RecoveryCodesSave
        | E::StepUpForm
        | E::StepUpSend
        | E::ProviderForm
        | E::ProviderReturn
        | E::ProviderGo
        | E::Connections
        | E::ConnectionEnd
        | E::Gate => return None,
    })
}

/// A sketch of an operation, filled in step by step.
fn new(tag: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation { id, tag, summary, about: "", body: Body::None, answers: Vec::new() }
}

impl Operation {
    fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    fn takes(self, fields: &'static [Field]) -> Self {
        Self { body: Body::Json(fields), ..self }
    }

    fn answers(mut self, status: u16, about: &'static str, shape: Shape) -> Self {
        self.answers.push(Answer { status, about, shape });
        self
    }

    fn fails(self, status: u16, about: &'static str) -> Self {
        self.answers(status, about, Shape::Problem)
    }

    fn token(self) -> Self {
        self.fails(400, "Invalid or expired token")
    }

    fn proof(self) -> Self {
        self.fails(401, "Invalid credentials").fails(403, "Step-up required").fails(422, "Invalid input")
    }

    fn fresh(self) -> Self {
        self.fails(403, "Step-up required")
    }
}

fn entrance(endpoint: Endpoint) -> Operation {
    let new = |id, summary| new("entrance", id, summary);
    match endpoint {
        Endpoint::CsrfToken => new("csrf", "Make sure that the browser holds a CSRF token")
            .about("Sets the CSRF cookie unless a valid one came along.")
            .answers(200, "ok", Shape::Detail),
        Endpoint::Register => new("register", "Ask for an account")
            .about("The same answer for every address; the next step is in a mail.")
            .takes(REGISTER)
            .answers(202, "Accepted, whoever it is", Shape::Detail)
            .fails(403, "Sign-up is closed")
            .fails(403, "Invalid or expired invitation")
            .fails(422, "Invalid input"),
        Endpoint::Login => new("login", "Sign in")
            .about(
                "Sets the session cookie and a CSRF cookie bound to it. `username` is read when there is no `email`. An account with \
                 second factors gets no session yet, but a cookie for the second step.",
            )
            .takes(LOGIN)
            .answers(200, "The account, or what is asked for next", Shape::SignIn)
            .fails(401, "Invalid credentials"),
        Endpoint::Logout => new("logout", "Sign out").answers(204, "Both cookies are cleared", Shape::Empty),
        Endpoint::VerifyEmail => new("verifyEmail", "Prove an address with the code of a mail")
            .about("The password is asked for where several people signed up with the address.")
            .takes(VERIFY)
            .answers(200, "Email verified", Shape::Detail)
            .token()
            .fails(403, "Password needed"),
        Endpoint::ResendVerification => new("resendVerification", "Ask for the mail again").takes(ADDRESS).answers(
            200,
            "The same for every address",
            Shape::Detail,
        ),
        Endpoint::ForgotPassword => new("forgotPassword", "Ask for a link to a new password")
            .about("The same answer for every body of up to 64 KiB, also for what is no JSON.")
            .takes(ADDRESS)
            .answers(200, "The same for every body", Shape::Detail),
        _ => new("resetPassword", "Choose a new password with the code of a mail")
            .about("Ends every session of the account; signs nobody in.")
            .takes(RESET)
            .answers(200, "Password reset", Shape::Detail)
            .token()
            .fails(422, "Invalid input"),
    }
}

fn account(endpoint: Endpoint) -> Operation {
    let new = |id, summary| new("account", id, summary);
    match endpoint {
        Endpoint::Me => new("me", "Who is signed in").answers(200, "The account", Shape::Me),
        Endpoint::Profile => new("updateProfile", "Change what the account shows of itself")
            .about("What is absent stays, `null` clears; any other name is refused.")
            .takes(PROFILE)
            .answers(200, "The account as it is then", Shape::Me)
            .fails(422, "Invalid input"),
        Endpoint::DeleteAccount => new("deleteAccount", "Delete the account for good")
            .takes(PROOF)
            .answers(204, "Gone; the cookies are cleared", Shape::Empty)
            .proof(),
        Endpoint::Export => new("exportAccount", "A copy of everything that is stored about the caller")
            .about("POST, since the audit trail notes it.")
            .answers(200, "The copy", Shape::Export)
            .fresh(),
        Endpoint::ChangePassword => new("changePassword", "Change the password")
            .about("This session goes on under a new credential, all others end.")
            .takes(PASSWORD)
            .answers(200, "Password changed", Shape::Detail)
            .proof(),
        Endpoint::ChangeEmail => new("changeEmail", "Ask for another address")
            .about("The same answer for free and taken addresses.")
            .takes(NEW_ADDRESS)
            .answers(202, "Accepted", Shape::Detail)
            .proof(),
        Endpoint::ConfirmEmail => new("confirmEmail", "Prove the new address with the code of a mail")
            .takes(CODE)
            .answers(200, "Email changed", Shape::Detail)
            .token(),
        Endpoint::EndSessions => new("endSessions", "End every session of an account with the code of a notice")
            .about("Mails a reset link to the address of the account.")
            .takes(CODE)
            .answers(200, "All sessions ended", Shape::Detail)
            .token(),
        _ => new("undoEmail", "Take the account back to its former address")
            .about("Ends every session of the account.")
            .takes(CODE)
            .answers(200, "Email change undone", Shape::Detail)
            .token(),
    }
}

fn sessions(endpoint: Endpoint) -> Operation {
    let new = |id, summary| new("sessions", id, summary);
    match endpoint {
        Endpoint::Refresh => new("refresh", "Replace the credential of this session")
            .about("Without cookies when another request of the same session did so a moment ago.")
            .answers(200, "Session refreshed", Shape::Detail),
        Endpoint::SessionList => {
            new("listSessions", "Where the caller is signed in").answers(200, "Newest first", Shape::Sessions)
        }
        Endpoint::RevokeSession => {
            new("revokeSession", "End one session of the caller").answers(204, "Ended", Shape::Empty).fails(404, "Not found")
        }
        _ => new("revokeOtherSessions", "End every other session of the caller").answers(204, "Ended", Shape::Empty),
    }
}

fn proofs(endpoint: Endpoint) -> Operation {
    let new = |id, summary| new("proofs", id, summary);
    match endpoint {
        Endpoint::LoginSecondFactor => new("loginSecondFactor", "The second step of a sign-in")
            .about("A code, or a passkey's answer with its challenge. Needs the cookie of the first step; five attempts, ten minutes.")
            .takes(SECOND)
            .answers(200, "The account", Shape::Me)
            .fails(401, "Invalid credentials"),
        Endpoint::PasskeyOptions => new("passkeyOptions", "What a browser needs to ask a passkey at sign-in")
            .about("The same for everybody, but for a sign-in that waits for its second step. The body is not read.")
            .answers(200, "The options and the name of the challenge", Shape::PasskeyRequest),
        Endpoint::PasskeyLogin => new("passkeyLogin", "Sign in with a passkey alone")
            .takes(PASSKEY)
            .answers(200, "The account", Shape::Me)
            .fails(401, "Invalid credentials"),
        Endpoint::StepUp => new("stepUp", "Prove afresh who it is")
            .about("The password where there is no second factor, else a code or a passkey's answer. The session gets a new credential.")
            .takes(FRESH_PROOF)
            .answers(200, "Identity proved", Shape::Detail)
            .fails(401, "Invalid credentials")
            .fails(409, "Changed meanwhile")
            .fails(422, "Invalid input"),
        _ => new("stepUpOptions", "What a browser needs to ask a passkey of the caller")
            .answers(200, "The options and the name of the challenge", Shape::PasskeyRequest)
            .fails(401, "Invalid credentials"),
    }
}

fn factors(endpoint: Endpoint) -> Operation {
    let new = |id, summary| new("factors", id, summary);
    match endpoint {
        Endpoint::FactorList => {
            new("listFactors", "The second factors of the caller").answers(200, "Oldest first", Shape::Factors)
        }
        Endpoint::OfferTotp => new("offerTotp", "A shared key for an authenticator app")
            .answers(200, "The key as text, address and drawing", Shape::SharedKey)
            .fresh()
            .fails(409, "Not possible now"),
        Endpoint::ConfirmTotp => new("confirmTotp", "Add the app by its first code")
            .about("Recovery codes come with the first factor, and are never shown again.")
            .takes(FIRST_CODE)
            .answers(200, "Added", Shape::NewFactor)
            .fails(400, "Enrolment failed")
            .fresh()
            .fails(409, "Not possible now")
            .fails(409, "Changed meanwhile"),
        Endpoint::OfferPasskey => new("offerPasskey", "What a browser needs to make a passkey")
            .answers(200, "The options and the name of the enrolment", Shape::PasskeyCreation)
            .fresh()
            .fails(409, "Not possible now"),
        Endpoint::ConfirmPasskey => new("confirmPasskey", "Add the passkey that was made")
            .about("Recovery codes come with the first factor, and are never shown again.")
            .takes(NEW_PASSKEY)
            .answers(201, "Added", Shape::NewFactor)
            .fails(400, "Enrolment failed")
            .fresh()
            .fails(409, "Not possible now")
            .fails(409, "Changed meanwhile")
            .fails(422, "Invalid input"),
        Endpoint::RenameFactor => new("renameFactor", "Give a factor another name")
            .takes(FACTOR_NAME)
            .answers(204, "Renamed", Shape::Empty)
            .fails(404, "Not found")
            .fails(422, "Invalid input"),
        Endpoint::RemoveFactor => new("removeFactor", "Remove a factor")
            .about("With the last one the recovery codes go too. An operator keeps one.")
            .answers(204, "Removed", Shape::Empty)
            .fresh()
            .fails(404, "Not found")
            .fails(409, "Not possible now")
            .fails(409, "Changed meanwhile"),
        _ => new("renewRecoveryCodes", "Put new recovery codes in the place of all former ones")
            .answers(200, "The codes, for the only time", Shape::RecoveryCodes)
            .fresh()
            .fails(404, "Not found")
            .fails(409, "Changed meanwhile"),
    }
}

fn providers(endpoint: Endpoint) -> Operation {
    let new = |id, summary| new("providers", id, summary);
    match endpoint {
        Endpoint::ProviderList => new("providers", "The providers that people can sign in with")
            .about("`linked` is about the caller's account.")
            .answers(200, "All that are configured", Shape::Providers),
        Endpoint::ProviderStart => new("startProvider", "Begin a sign-in with a provider, or a link")
            .about(
                "`mode` is `login`, `link` or `step_up`; the latter two need the session and its CSRF token. Sets a cookie that binds the \
                 way back to this browser for ten minutes.",
            )
            .takes(PROVIDER_START)
            .answers(200, "Where the browser is to go", Shape::ProviderWay)
            .fails(400, "Invalid redirect")
            .fails(401, "Not authenticated")
            .fails(403, "CSRF failed")
            .fails(403, "Step-up required")
            .fails(422, "Invalid input"),
        Endpoint::ProviderFinish => new("finishProvider", "End it with what the provider sent back")
            .about("`error` without `code` where the provider said no. The same failure for every cause.")
            .takes(PROVIDER_ANSWER)
            .answers(200, "The account, or what is asked for next", Shape::SignIn)
            .fails(400, "OAuth failed"),
        _ => new("unlinkProvider", "End the link with a provider")
            .takes(MAYBE_PROOF)
            .answers(204, "No longer linked", Shape::Empty)
            .proof()
            .fails(404, "Not found")
            .fails(409, "Not possible now")
            .fails(409, "Changed meanwhile"),
    }
}

fn house(endpoint: Endpoint) -> Operation {
    let new = |id, summary| new("house", id, summary);
    match endpoint {
        Endpoint::Health => new("health", "Whether the service and its store answer")
            .answers(200, "They do", Shape::Health)
            .answers(503, "The store does not", Shape::Health),
        Endpoint::CspReport => Operation { body: Body::Report, ..new("cspReport", "Take a report about blocked content") }
            .answers(204, "Taken", Shape::Empty),
        _ => new("keys", "The public keys of assertions").answers(200, "A JWK set", Shape::Keys),
    }
}
