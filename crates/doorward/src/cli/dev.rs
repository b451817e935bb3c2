//! `dev`: everything on localhost.

use std::io::{self, Write as _};
use std::path::PathBuf;

use doorward_config::ProcessEnv;
use doorward_kit::{Clock as _, SystemClock, SystemEntropy};

use super::Exit;
use super::process::{announce, block_on, load, say, start_log};
use crate::demo::{self, Demo};
use crate::dev::{Behind, GATE_USER, Layout, Site};
use crate::lifecycle;
use crate::telemetry::Format;
use crate::wire::{House, StartError};

/// Runs the whole product on localhost: self-signed TLS, SQLite, mail to files, a demo application behind it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder for configuration, keys, database and mail; kept between runs.
    #[arg(long, value_name = "DIR", default_value = ".doorward")]
    dir: PathBuf,
    /// Port of the site.
    #[arg(long, value_name = "PORT", default_value_t = 8443)]
    port: u16,
    /// Port that only redirects.
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    http_port: u16,
    /// Your own front end: http://host:port, or a folder of files.
    #[arg(long, value_name = "URL|DIR")]
    web: Option<String>,
    /// Your own API behind /api/: http://host:port.
    #[arg(long, value_name = "URL")]
    api: Option<String>,
}

/// Runs until Ctrl-C.
#[must_use]
pub fn run(args: &Args) -> Exit {
    if let Err(exit) = start_log(Format::Plain) {
        return exit;
    }
    let own = [args.web.as_deref(), args.api.as_deref()].map(|given| given.map(Behind::parse).transpose());
    let [Ok(web), Ok(api)] = own else {
        for problem in own.into_iter().filter_map(Result::err) {
            say(&problem);
        }
        return Exit::Usage;
    };
    if args.port == 0 || args.http_port == 0 || args.port == args.http_port {
        say("--port and --http-port are two different ports from 1 to 65535: the site's links contain the first");
        return Exit::Usage;
    }
    let layout = match Layout::prepare(&args.dir, &SystemEntropy) {
        Ok(layout) => layout,
        Err(error) => {
            say(&format!("{}: {error}", args.dir.display()));
            return Exit::Failed;
        }
    };
    block_on(serve(args, &layout, web, api))
}

async fn serve(args: &Args, layout: &Layout, web: Option<Behind>, api: Option<Behind>) -> Result<(), StartError> {
    let demo = demo::start().await.map_err(StartError::Demo)?;
    let site = site(args, demo, web, api);
    let (certificate, key) = layout.certificate(SystemClock.now(), &SystemEntropy).map_err(StartError::Folder)?;
    let path = layout.write_config(&site.config(&certificate, &key)).map_err(StartError::Folder)?;
    // The faults have been shown already; they can only be about a flag's value.
    let config = load(&path).map_err(|_| StartError::Usage("the flags do not make a legal configuration"))?;
    let house = House::open(&config, &ProcessEnv).await?;
    let stop = lifecycle::stop_signal().map_err(StartError::Signal)?;
    let _ = welcome(&site, layout, &path);
    announce(&house, &format!("ready {}", site.url()));
    house.run(stop).await
}

fn site(args: &Args, demo: Demo, web: Option<Behind>, api: Option<Behind>) -> Site {
    let server = |address| Behind::Server(format!("http://{address}"));
    Site {
        https_port: args.port,
        http_port: args.http_port,
        web: web.unwrap_or_else(|| server(demo.web)),
        api: api.unwrap_or_else(|| server(demo.api)),
        ui: server(demo.ui),
        name: "Doorward demo",
    }
}

/// What a person needs to go on, on stderr.
fn welcome(site: &Site, layout: &Layout, config: &std::path::Path) -> io::Result<()> {
    let mut talk = io::stderr().lock();
    writeln!(talk, "\n  Doorward {} · development\n", env!("CARGO_PKG_VERSION"))?;
    let lines = [
        ("site", site.url()),
        ("sign up", format!("{}/account/sign-up", site.url())),
        ("mailbox", format!("{}/   one .eml file a message", layout.mailbox().display())),
        ("gated UI", format!("{}   user {GATE_USER}, password {}", site.gate_url(), layout.gate_password.expose())),
        ("configuration", config.display().to_string()),
    ];
    for (what, value) in lines {
        writeln!(talk, "  {what:<14}{value}")?;
    }
    writeln!(talk, "\n  The certificate is self-signed: your browser will ask once. Stop with Ctrl-C.\n")
}
