//! Serves a script: `cargo run -p demo-model --example serve -- SCRIPT.json [ADDRESS]`.

use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("Name the script's file.")?;
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let script = demo_model::Script::parse(&std::fs::read_to_string(path)?)?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    announce(&format!("http://{}", listener.local_addr()?));
    axum::serve(listener, demo_model::router(script)).await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "whoever starts it reads the address")]
fn announce(line: &str) {
    println!("{line}");
}
