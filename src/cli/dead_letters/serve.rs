//! `bwp-sync dead-letters serve`: the page.
//!
//! Not here: any page; see the room `page`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;
use async_trait::async_trait;
use axum::http::HeaderName;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::file::read_file;
use super::mapping::mappings;
use crate::api::Client;
use crate::cli::exit::Exit;
use crate::cli::holder::holder;
use crate::cli::terminal::{note, say};
use crate::dead_letters::found::{Found, find};
use crate::dead_letters::guard::{Warning, check};
use crate::dead_letters::mapped::Mappings;
use crate::dead_letters::plan::Planned;
use crate::mapper::{Mapper, own_program};
use crate::page::{self, Access, App, Gate, Orders, Origin};
use crate::settings::Settings;
use crate::shutdown::Signals;

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Append a line of JSON for each step to this file; a folder beside it keeps the runs. Without it nothing can be changed
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Let in who knows the token in this file, of at least 16 characters; without it the printed address lets in once
    #[arg(long, value_name = "FILE", conflicts_with = "trust_proxy_user")]
    token_file: Option<PathBuf>,
    /// Let in whom a proxy names in this header
    #[arg(long, value_name = "HEADER", requires = "proxy")]
    trust_proxy_user: Option<HeaderName>,
    /// Address of that proxy; the header counts from nobody else
    #[arg(long, value_name = "IP", requires = "trust_proxy_user")]
    proxy: Option<IpAddr>,
    /// Address at which browsers find the page, where that is another one, such as `https://letters.example.com`
    #[arg(long, value_name = "URL")]
    public_url: Option<Url>,
}

/// The API, by its client.
struct Api {
    client: Client,
    alias_type: String,
}

#[async_trait]
impl Orders for Api {
    async fn find(&self, id: &str) -> Found {
        find(&self.client, self.alias_type.clone(), id).await
    }

    async fn warnings(&self, letters: &[Planned]) -> BTreeMap<String, Warning> {
        check(&self.client, letters, &self.alias_type).await
    }
}

pub(super) async fn serve(settings: &Settings, args: &Args) -> anyhow::Result<Exit> {
    let listener = TcpListener::bind(args.listen).await.with_context(|| format!("cannot listen on {}", args.listen))?;
    let listen = listener.local_addr().context("cannot listen")?;
    let access = Access::new(gate(args)?, Origin::of(listen, args.public_url.as_ref())?, listen)?;
    let address = access.printed_address();
    // a fault of the settings is told before anybody is let in
    mappings(settings)?;
    let (program, all) = (own_program()?, settings.mappings().to_vec());
    let client = Client::new(settings.api()).context("cannot set up the API client")?;
    let conventions = settings.conventions();
    let alias_type = conventions.aliases.order.clone();
    let page = page::Settings {
        broker: settings.broker(),
        mappings: Box::new(move || Mappings::of(Mapper::new(program.clone(), all.clone()))),
        conventions,
        orders: Box::new(Api { client, alias_type }),
        ledger: args.ledger.clone(),
        process: holder("serve"),
    };
    let app = App::new(page, access).context("cannot keep runs beside the ledger")?;
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    if args.ledger.is_none() {
        note("read-only: nothing can be changed without `--ledger`")?;
    }
    say(format_args!("the page is at {address}"))?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        let signal = signals.next().await;
        tracing::info!(signal, "stopping");
        stopped.cancel();
    });
    page::serve(listener, app, stop).await;
    Ok(Exit::Done)
}

fn gate(args: &Args) -> anyhow::Result<Gate> {
    Ok(match (&args.token_file, &args.trust_proxy_user, args.proxy) {
        (Some(file), _, _) => Gate::token(&read_file(file)?)?,
        (None, Some(header), Some(address)) => Gate::Proxy { address, header: header.clone() },
        (None, _, _) => Gate::once(holder("serve").user),
    })
}
