//! The tests that any S3 server has to pass, run with the embedded endpoint and with another project's server.

use crate::{endpoint::Endpoint, server::Server};

macro_rules! suite {
    ($($module:ident: $($case:ident)+;)+) => {
        mod embedded {
            $(mod $module {
                $(#[tokio::test]
                async fn $case() {
                    let endpoint = super::super::Endpoint::start().await;
                    crate::$module::$case(endpoint.server()).await;
                })+
            })+
        }

        /// Every test in a bucket of its own, one after the other; returns the names of those that failed.
        pub(crate) async fn run(port: u16) -> Vec<&'static str> {
            let mut failed = Vec::new();
            let mut buckets = (0..).map(|number| format!("harbour-{number}"));
            $($(
                let server = Server { port, bucket: buckets.next().unwrap(), ours: false };
                if tokio::spawn(crate::$module::$case(server)).await.is_err() {
                    failed.push(concat!(stringify!($module), "::", stringify!($case)));
                }
            )+)+
            failed
        }
    };
}

suite! {
    access:
        only_the_right_secret_opens
        a_presigned_download_is_a_file_and_opens_one_object
        a_presigned_upload_takes_the_promised_type_and_length_only
        presigned_addresses_expire_and_never_hold_long;
    boto3:
        boto3_reads_and_writes
        boto3_is_refused_what_was_not_signed;
    multipart:
        parts_become_one_object
        an_upload_that_does_not_add_up_is_refused;
    objects:
        checksums_are_verified_whatever_their_kind
        conditions_decide_who_writes
        of_many_writers_of_a_new_object_one_wins
        ranges_give_their_bytes
        copies_keep_or_replace_what_is_said_about_them
        listings_of_both_kinds_page_and_roll_up
        buckets_come_and_go_when_empty;
    store:
        objects_come_back_as_they_were_put
        listings_go_on_where_they_stopped
        a_check_names_the_step_that_fails;
}
