//! dedicated-tenancy
