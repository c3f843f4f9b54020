#include "base/mqtt/topic.h"

#include <catch2/catch.hpp>

#include <string>

using namespace penstock::mqtt;
using std::string_literals::operator""s;

namespace {

TopicFault check(const std::string& topic) {
    return check_topic_name(topic, 512, 16);
}

}  // namespace

TEST_CASE("ordinary topics are taken", "[mqtt][topic]") {
    CHECK(check("a") == TopicFault::none);
    CHECK(check("iot/wearable/data") == TopicFault::none);
    CHECK(check("/") == TopicFault::none);
    CHECK(check("$aws/rules/x") == TopicFault::none);
    CHECK(check("température/düse") == TopicFault::none);
    CHECK(check(std::string(512, 'x')) == TopicFault::none);
}

TEST_CASE(
    "wildcards, emptiness and unusual characters make no topic name",
    "[mqtt][topic][M09][MQTT-3.3.2-2][MQTT-4.7.3-1]"
) {
    CHECK(check("") == TopicFault::invalid);
    // A wildcard at every place of words and tails.
    for (std::size_t size = 1; size < 20; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            std::string topic(size, 'a');
            topic[at] = '#';
            CHECK(check(topic) == TopicFault::invalid);
            topic[at] = '+';
            CHECK(check(topic) == TopicFault::invalid);
            topic[at] = '\0';
            CHECK(check(topic) == TopicFault::malformed);
            topic[at] = '\x1f';
            CHECK(check(topic) == TopicFault::invalid);
            topic[at] = '\x7f';
            CHECK(check(topic) == TopicFault::invalid);
        }
    }
    CHECK(check("a\xef\xbf\xbf") == TopicFault::invalid);  // U+FFFF
    CHECK(check("a\xc0\xaf") == TopicFault::malformed);    // an overlong slash
    CHECK(check("\xed\xa0\x80") == TopicFault::malformed);
}

TEST_CASE("topics over the bytes or levels of the settings are too long", "[mqtt][topic][M09]") {
    CHECK(check(std::string(513, 'x')) == TopicFault::too_long);
    CHECK(check(std::string(65'535, '/')) == TopicFault::too_long);
    CHECK(check("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16") == TopicFault::none);
    CHECK(check("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17") == TopicFault::too_long);
}

TEST_CASE(
    "topic filters have their wildcards alone on a level",
    "[mqtt][topic][MQTT-4.7.1-2][MQTT-4.7.1-3][MQTT-4.8.2-1]"
) {
    for (const auto& good :
         {"#", "+", "a/#", "+/b/#", "/+", "a/+/b", "$share/g/a/#", "$SYS/#", "/"}) {
        INFO(good);
        CHECK(valid_topic_filter(good));
    }
    for (const auto& bad :
         {"",
          "a#",
          "#/a",
          "a+",
          "a/+b",
          "+a/b",
          "a/#/b",
          "$share//a",
          "$share/g",
          "$share/g/",
          "$share/+/a"}) {
        INFO(bad);
        CHECK_FALSE(valid_topic_filter(bad));
    }
}

TEST_CASE("an alias stands for the topic it was set to last", "[mqtt][topic]") {
    TopicAliases aliases;
    CHECK(aliases.find(1).empty());
    aliases.set(2, 16, "a/b");
    CHECK(aliases.find(2) == "a/b");
    CHECK(aliases.find(1).empty());
    CHECK(aliases.find(0).empty());
    CHECK(aliases.find(17).empty());
    aliases.set(2, 16, "c");
    CHECK(aliases.find(2) == "c");
}
