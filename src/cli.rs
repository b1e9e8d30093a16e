//! The command line: subcommands, options, exit status.
