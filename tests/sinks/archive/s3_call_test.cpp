#include "sinks/archive/s3_call.h"

#include <catch2/catch.hpp>

using namespace penstock;
using namespace penstock::sinks;

namespace {

S3StoreConfig config_of(bool path_style) {
    S3StoreConfig config;
    config.endpoint = "https://s3.example:9000";
    config.bucket = "lake";
    config.path_style = path_style;
    config.credentials.access_key = "A";
    config.credentials.secret_key = Secret(std::string("S"));
    return config;
}

HttpResponse response_of(int status, std::string body) {
    HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    return response;
}

}  // namespace

TEST_CASE("s3 call: the bucket stands in the path or in the host name", "[sinks][archive][s3]") {
    const S3Call call{
        "PUT", "a b/stream=x%2F/ü", {{"partNumber", "1"}, {"uploadId", "i/d="}}, {}, "body", "00"
    };
    const auto by_path = S3Signer(config_of(true), system_clock()).request(call);
    REQUIRE(by_path.ok());
    CHECK(
        by_path->url ==
        "https://s3.example:9000/lake/a%20b/stream%3Dx%252F/%C3%BC?partNumber=1&uploadId=i%2Fd%3D"
    );
    const auto by_host =
        S3Signer(config_of(false), system_clock()).request({"GET", {}, {}, {}, {}, {}});
    REQUIRE(by_host.ok());
    CHECK(by_host->url == "https://lake.s3.example:9000/");
    CHECK_THAT(
        by_host->headers.back(), Catch::StartsWith("Authorization: AWS4-HMAC-SHA256 Credential=A/")
    );
}

TEST_CASE("s3 call: an answer's error is found, also in a 200", "[sinks][archive][s3][S11]") {
    CHECK_FALSE(s3_error(response_of(200, "<CompleteMultipartUploadResult/>")));
    CHECK_FALSE(s3_error(response_of(204, "")));
    CHECK(s3_error(response_of(404, ""))->code.empty());
    const auto error = s3_error(response_of(
        200, "<?xml?>\n<Error><Code>InternalError</Code><Message>a &amp; b</Message></Error>"
    ));
    REQUIRE(error);
    CHECK(error->code == "InternalError");
    CHECK(error->message == "a & b");
}

TEST_CASE("s3 call: a failure tells the region that was meant", "[sinks][archive][s3]") {
    HttpResponse response = response_of(301, "");
    response.headers = {{"x-amz-bucket-region", "eu-west-1"}};
    const SinkFailure failure = s3_failure(response, {"PermanentRedirect", ""}, "uploading", 0);
    CHECK(failure.kind == FailureClass::configuration);
    CHECK_THAT(failure.message, Catch::Contains("eu-west-1"));
}

TEST_CASE(
    "s3 call: texts of elements come out without escapes, and go in with them",
    "[sinks][archive][s3]"
) {
    CHECK(
        xml_texts("<a>1</a><b/><a>&lt;&quot;&#34;&apos;</a><a>", "a") ==
        std::vector<std::string>{"1", "<\"\"'"}
    );
    std::string out;
    append_xml_escaped("\"a&<b>'", out);
    CHECK(out == "&quot;a&amp;&lt;b&gt;&apos;");
}
