//! Messages in, inputs out: what the pure rooms promise.
