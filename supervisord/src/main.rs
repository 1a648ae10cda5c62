//! The daemon's command line.
#![forbid(unsafe_code)]

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use supervisord::daemon::Daemon;
use supervisord::settings::Settings;
use tokio::signal::unix::{SignalKind, signal};

/// Links allocate what the recorder frees, a thousand times a batch: the system's allocator spends a fifth of the daemon's time on that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Follows Hotline's PBX nodes: Prometheus metrics, supervision over D-Bus, an exact store of events.
///
/// It may be stopped, killed or upgraded at any moment: no call is touched, and no event is lost or counted twice.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The settings
    #[arg(long, value_name = "FILE", default_value = "/etc/hotline/supervisord.toml")]
    config: PathBuf,
    /// Checks the settings, and the files of users, certificate and secrets that they name, and ends: 0 if they are right
    #[arg(long)]
    check_config: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal());
    log.with_writer(std::io::stderr).init();
    let settings = Settings::read(&arguments.config)?;
    if arguments.check_config {
        Daemon::check(&settings)?;
        tracing::info!("{} is right", arguments.config.display());
        return Ok(());
    }
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hup = signal(SignalKind::hangup())?;
    let mut daemon = Daemon::start(settings).await?;
    let ready = daemon.when_ready();
    tokio::select! {
        () = async {
            ready.await;
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
            std::future::pending().await
        } => {}
        () = async {
            while hup.recv().await.is_some() {
                tracing::info!("users and certificate are read anew whenever they change; other settings need a restart");
            }
            std::future::pending().await
        } => {}
        () = daemon.failed() => anyhow::bail!("a part of the daemon met a defect, see above; start it again, nothing is lost"),
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    tracing::info!("ending");
    daemon.stop().await;
    Ok(())
}
