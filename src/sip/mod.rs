//! SIP as a bystander sees it: extracts what there is, never validates.
