//! `explain`: what the door would make of a connection and a request.

use std::io::{IsTerminal as _, Write as _};
use std::net::IpAddr;
use std::path::Path;

use doorward_policy::Policy;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Exit;
use super::process::load;
use crate::explain::{Arrival, Explanation};

/// Says how the client's address is derived, what it is counted by, which gates it may knock at and where a request leads. Opens no port
/// and reads nothing but the configuration.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The address that the connection comes from.
    #[arg(value_name = "ADDR")]
    peer: IpAddr,
    /// The client that the peer names by the PROXY protocol.
    #[arg(long, value_name = "ADDR")]
    proxied_for: Option<IpAddr>,
    /// A field of the request, such as 'X-Forwarded-For: 203.0.113.7'; may be repeated.
    #[arg(long = "header", value_name = "FIELD", value_parser = field)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The host that is asked for; the site's own when absent.
    #[arg(long)]
    host: Option<String>,
    /// The path that is asked for, without query.
    #[arg(long, default_value = "/")]
    path: String,
    /// Print JSON for a machine.
    #[arg(long)]
    json: bool,
}

fn field(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("write 'Name: value'")?;
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
    let value = HeaderValue::from_str(value.trim()).map_err(|error| error.to_string())?;
    Ok((name, value))
}

/// Runs the command: 0 when there was something to explain, 2 when the configuration is not right.
#[must_use]
pub fn run(path: &Path, args: &Args) -> Exit {
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let policy = Policy::decide(&config);
    let mut headers = HeaderMap::new();
    for (name, value) in &args.headers {
        headers.append(name, value.clone());
    }
    let arrival = Arrival {
        peer: args.peer,
        announced: args.proxied_for,
        headers,
        host: args.host.clone().unwrap_or_else(|| config.site.origin.host().to_string()),
        path: args.path.clone(),
    };
    match print(&Explanation::of(&policy, &arrival), args.json) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    }
}

fn print(explanation: &Explanation, json: bool) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, explanation)?;
        return writeln!(out);
    }
    let color = out.is_terminal();
    write!(out, "{}", explanation.render(color))
}
