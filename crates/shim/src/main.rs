use std::process::ExitCode;

fn main() -> ExitCode {
    shim::main()
}
