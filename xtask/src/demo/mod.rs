//! `cargo xtask demo`: the whole product at work on this machine: a real Asterisk with the module in it, the daemon, SIP
//! agents, and a steady flow of SIP callers, all of them with real audio.

mod floor;
mod scene;
mod summary;
mod table;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hotline_testbed::phone::Totals;

use crate::artefacts::{self, Profile};
use crate::progress::Step;
use crate::provision;
use crate::workspace::Workspace;

use floor::Floor;
use scene::Scene;
use summary::Summary;
use table::Screen;

/// How often the table is drawn.
const FRAME: Duration = Duration::from_millis(250);
/// Calls per second and agent that keep all of them busy and some callers waiting, given how long the agents ring, talk
/// and wrap up.
const BUSY: f64 = 0.105;
/// How long calls may take to come to their own end once no new ones are placed.
const LAST_CALLS: Duration = Duration::from_secs(8);

/// Show Hotline at work: a real Asterisk, agents, callers and the daemon, all on this machine.
///
/// Provides the PBX first (see `cargo xtask pbx`) and builds what is needed. Ends with Ctrl-C, or by itself after
/// --seconds, and leaves nothing running.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// End after so many seconds of calls
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: Option<u64>,
    /// No table; the last line is a summary as JSON
    #[arg(long)]
    json: bool,
    /// Agents at work
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=500))]
    agents: u16,
    /// Calls per second on average [default: what keeps the agents busy and some callers waiting]
    #[arg(long, value_name = "X")]
    rate: Option<f64>,
}

/// The command itself.
pub(crate) fn main(args: &Args) -> Result<()> {
    if args.rate.is_some_and(|rate| !(0.01..=50.0).contains(&rate)) {
        bail!("--rate must lie between 0.01 and 50 calls per second");
    }
    let workspace = Workspace::find()?;
    let stop = Arc::new(AtomicBool::new(false));
    {
        let stop = Arc::clone(&stop);
        ctrlc::set_handler(move || stop.store(true, Ordering::Relaxed))
            .context("cannot listen for Ctrl-C")?;
    }
    let pbx = provision::pbx(&workspace)?;
    let module = artefacts::module(&workspace, &pbx, Profile::Dev, false)?;
    let daemon = artefacts::daemon(&workspace, Profile::Dev)?;
    if stop.load(Ordering::Relaxed) {
        return Ok(());
    }

    let step = Step::start("starting Asterisk, the daemon and the phones");
    let scene = Scene::start(&workspace, &module, &daemon, args.agents)?;
    step.done(&format!(
        "Asterisk {} with app_hotline.so, {} agents",
        pbx.version, args.agents
    ));
    println!("metrics         {}", scene.metrics_url());
    println!("control socket  {}", scene.socket().display());
    println!(
        "hotlinectl      {} --bus {} show queues",
        daemon.hotlinectl.display(),
        scene.bus_address()
    );

    let floor = Floor::watch(&scene.socket())?;
    let flow = scene.callers(args.rate.unwrap_or(f64::from(args.agents) * BUSY))?;
    let begun = Instant::now();
    let mut totals = Totals::default();
    let mut audio = summary::Audio::default();
    let mut screen = if args.json { None } else { Screen::open() };
    while !stop.load(Ordering::Relaxed) && args.seconds.is_none_or(|limit| begun.elapsed().as_secs() < limit)
    {
        let records = scene.bank.take_records();
        totals.add(&records);
        audio.add(records);
        if let Some(reason) = floor.ended() {
            bail!("the node is gone: {reason}\n{}", scene.asterisk.log_tail());
        }
        if let Some(screen) = &mut screen {
            screen.draw(&floor.picture(), &totals, &scene, begun.elapsed())?;
        }
        std::thread::sleep(FRAME);
    }
    drop(screen);

    let step = Step::start("letting the last callers finish");
    drop(flow);
    // Who pressed Ctrl-C wants to be gone.
    if stop.load(Ordering::Relaxed) || scene.bank.drain(LAST_CALLS) > 0 {
        scene.bank.hang_up_all();
        scene.bank.drain(LAST_CALLS);
    }
    let records = scene.bank.take_records();
    totals.add(&records);
    audio.add(records);
    let summary = Summary::take(&scene, &floor, &totals, &audio, begun.elapsed())?;
    drop(floor);
    scene.stop()?;
    step.done("everything is stopped");
    if args.json {
        println!("{}", serde_json::to_string(&summary)?);
    } else {
        print!("{summary}");
    }
    summary.verdict()
}
