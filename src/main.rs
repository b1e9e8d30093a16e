//! The `nauhuri` command: everything is in the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = nauhuri::cli::Cli::from_env();
    match nauhuri::cmd::run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = nauhuri::cmd::exit_code(&error);
            if code != 0 {
                // One line for each problem; nothing is left to do when standard error is gone too.
                use std::io::Write;
                let _ = writeln!(std::io::stderr(), "nauhuri: {}", nauhuri::cmd::error_text(&error));
            }
            ExitCode::from(code)
        }
    }
}
