#include "sinks/transport/sigv4.h"

#include "sinks/transport/credentials.h"
#include "support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace penstock;
using namespace penstock::sinks;

namespace {

constexpr Nanoseconds kAt = 1'369'353'600 * kSecond;  // 2013-05-24T00:00:00Z
const std::string kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

AwsCredentials example() {
    return {
        "AKIAIOSFODNN7EXAMPLE", Secret(std::string("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")), {}
    };
}

std::string signature(const std::vector<std::string>& lines) {
    const std::string& last = lines.back();
    return last.substr(last.find("Signature=") + 10);
}

}  // namespace

TEST_CASE("digest: SHA-256 and HMAC give their published values", "[sinks][sigv4]") {
    CHECK(hex(sha256("")) == kEmpty);
    CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    Sha256 pieces;
    pieces.add("a");
    pieces.add("bc");
    CHECK(pieces.finish() == sha256("abc"));
    CHECK(pieces.finish() == sha256(""));
    // RFC 4231, test cases 2 and 6.
    CHECK(
        hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    CHECK(
        hex(hmac_sha256(
            std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"
        )) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    );
}

// The examples of "Signature Calculations for the Authorization Header" in the Amazon S3 API
// reference.
TEST_CASE("sigv4: the S3 examples have their published signatures", "[sinks][sigv4]") {
    Sigv4 signer("us-east-1", "s3");
    const AwsRequest get{
        "GET", "examplebucket.s3.amazonaws.com", "/test.txt", "", {{"range", "bytes=0-9"}}, kEmpty
    };
    CHECK(
        signature(signer.sign(get, example(), kAt)) ==
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    );

    const AwsRequest put{
        "PUT",
        "examplebucket.s3.amazonaws.com",
        "/test%24file.text",
        "",
        {{"x-amz-storage-class", "REDUCED_REDUNDANCY"}, {"date", "Fri, 24 May 2013 00:00:00 GMT"}},
        hex(sha256("Welcome to Amazon S3."))
    };
    CHECK(
        signature(signer.sign(put, example(), kAt)) ==
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    );

    const AwsRequest lifecycle{
        "GET", "examplebucket.s3.amazonaws.com", "/", "lifecycle=", {}, kEmpty
    };
    CHECK(
        signature(signer.sign(lifecycle, example(), kAt)) ==
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    );

    const AwsRequest list{
        "GET", "examplebucket.s3.amazonaws.com", "/", "max-keys=2&prefix=J", {}, kEmpty
    };
    CHECK(
        signature(signer.sign(list, example(), kAt)) ==
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    );
}

TEST_CASE("sigv4: the header lines are those that were signed", "[sinks][sigv4]") {
    Sigv4 signer("eu-central-1", "s3");
    AwsCredentials who = example();
    who.session_token = Secret(std::string("token"));
    const auto lines = signer.sign({"GET", "h", "/", "", {}, kEmpty}, who, kAt);
    CHECK(lines.at(0) == "x-amz-content-sha256: " + kEmpty);
    CHECK(lines.at(1) == "x-amz-date: 20130524T000000Z");
    CHECK(lines.at(2) == "x-amz-security-token: token");
    CHECK_THAT(
        lines.at(3),
        Catch::Contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,")
    );
    CHECK_THAT(lines.at(3), Catch::Contains("/20130524/eu-central-1/s3/aws4_request"));
}

TEST_CASE("sigv4: another secret or day gives another signature", "[sinks][sigv4]") {
    Sigv4 signer("us-east-1", "s3");
    const AwsRequest request{"GET", "h", "/", "", {}, kEmpty};
    const auto first = signature(signer.sign(request, example(), kAt));
    AwsCredentials other = example();
    other.secret_key = Secret(std::string("other"));
    CHECK(signature(signer.sign(request, other, kAt)) != first);
    CHECK(signature(signer.sign(request, example(), kAt + 86'400 * kSecond)) != first);
    CHECK(signature(signer.sign(request, example(), kAt)) == first);
}
