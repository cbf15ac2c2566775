use std::{
    fs,
    process::{Command, Stdio},
};

use local_postgres::{Cluster, Options};
use serde::Deserialize;

use super::figure::{Figure, Goal};
use crate::{
    failure::{Doing, Failure, Outcome},
    workspace,
};

/// Of the time that the bare engine takes for the same.
const RATIO: f64 = 1.3;

/// What the measuring program prints. Times are in seconds.
#[derive(Deserialize)]
struct Measured {
    steps: u32,
    concurrent: u32,
    workflows: u32,
    calm: u32,
    ours: Times,
    bare: Times,
}

#[derive(Deserialize)]
struct Times {
    rounds: Vec<f64>,
    calm: f64,
}

/// Measures workflows of steps that do nothing, in the steps of our runs and in those of the bare engine, on a Postgres as
/// `muster` starts it.
pub(crate) fn run() -> Outcome<Vec<Figure>> {
    println!("bench: building the measuring program");
    let program = ["--release", "--package", "orchestrator", "--features", "testing", "--example", "idle_runs"];
    workspace::run(workspace::cargo(&["build", "--quiet"])?.args(program))?;
    let folder = workspace::target()?.join("postgres");
    fs::create_dir_all(&folder).doing(|| format!("Cannot make {}", folder.display()))?;
    let cluster = Cluster::start(&Options::new(folder.join("bench")));
    let cluster = cluster.doing(|| "The database did not start".to_owned())?;
    let told = measure(&cluster);
    cluster.stop().doing(|| "The database did not stop".to_owned())?;
    Ok(report(&told?))
}

fn measure(cluster: &Cluster) -> Outcome<Measured> {
    let mut program = Command::new(workspace::target()?.join("release/examples/idle_runs"));
    program.env("TEST_DATABASE_URL", cluster.superuser_url("postgres")).stderr(Stdio::inherit());
    let output = program.output().doing(|| "Cannot run the measuring program".to_owned())?;
    if !output.status.success() {
        return Err(Failure::new(format!("The measuring program ended with {}.", output.status)));
    }
    serde_json::from_slice(&output.stdout).doing(|| "The measuring program was not understood".to_owned())
}

fn report(measured: &Measured) -> Vec<Figure> {
    let Measured { steps, concurrent, workflows, ours, bare, .. } = measured;
    println!(
        "{concurrent} workflows at a time, {} of each kind, {steps} steps each",
        *workflows as usize * ours.rounds.len()
    );
    println!("{:<10} {:>12} {:>16} {:>18}", "steps of", "workflows/s", "ms/step, busy", "ms/step, one alone");
    for (name, times) in [("runs", ours), ("bare", bare)] {
        let time = median(&times.rounds);
        let per_second = f64::from(*workflows) / time;
        let busy = time * 1000.0 * f64::from(*concurrent) / f64::from(workflows * steps);
        let alone = times.calm * 1000.0 / f64::from(measured.calm * steps);
        println!("{name:<10} {per_second:>12.1} {busy:>16.3} {alone:>18.3}");
    }
    // Neighbouring rounds are compared, because a machine's speed drifts.
    let ratios: Vec<f64> = ours.rounds.iter().zip(&bare.rounds).map(|(ours, bare)| ours / bare).collect();
    let value = median(&ratios);
    vec![Figure { name: "runs.overhead_ratio".to_owned(), value, unit: "x", goal: Goal::AtMost(RATIO) }]
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }
}
