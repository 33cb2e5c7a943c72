#include "core/override_parser.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "balr/core/error.hpp"
#include "core/python_scalar.hpp"

namespace balr {
namespace {

using Kind = OverrideValue::Kind;

OverrideValue value(const std::string& text) { return *parse_override("k=" + text).value; }

// The one line of the error; empty if there is none.
std::string error(const std::string& argument) {
  try {
    parse_override(argument);
  } catch (const ConfigError& caught) {
    return caught.what();
  }
  return "";
}

TEST(OverrideParser, FormsOfAnOverride) {
  EXPECT_EQ(parse_override("a.b=1").mode, OverrideMode::kSet);
  EXPECT_EQ(parse_override("+a.b=1").mode, OverrideMode::kAdd);
  EXPECT_EQ(parse_override("++a.b=1").mode, OverrideMode::kForce);
  EXPECT_EQ(parse_override("~a.b").mode, OverrideMode::kRemove);
  EXPECT_EQ(parse_override("~a.b=1").value->text, "1");
  EXPECT_FALSE(parse_override("~a.b").value.has_value());
  EXPECT_EQ(parse_override("++a.b-c_2=x").key, "a.b-c_2");
}

// Kinds and texts as hydra 1.3.2 and Python print them.
TEST(OverrideParser, TypesOfUnquotedText) {
  struct Case {
    const char* text;
    Kind kind;
    const char* printed;
  };
  for (const Case& c : {Case{"12", Kind::kInt, "12"},
                        Case{"-5", Kind::kInt, "-5"},
                        Case{"+5", Kind::kInt, "5"},
                        Case{"1_000", Kind::kInt, "1000"},
                        Case{"-0", Kind::kInt, "0"},
                        Case{"99999999999999999999", Kind::kInt, "99999999999999999999"},
                        Case{"007", Kind::kText, "007"},
                        Case{"0x10", Kind::kText, "0x10"},
                        Case{"1__0", Kind::kText, "1__0"},
                        Case{"_1", Kind::kText, "_1"},
                        Case{"1e3", Kind::kFloat, "1000.0"},
                        Case{".5", Kind::kFloat, "0.5"},
                        Case{"5.", Kind::kFloat, "5.0"},
                        Case{"1_0.5", Kind::kFloat, "10.5"},
                        Case{"1e-3", Kind::kFloat, "0.001"},
                        Case{"1e-5", Kind::kFloat, "1e-05"},
                        Case{"1e16", Kind::kFloat, "1e+16"},
                        Case{"1e400", Kind::kFloat, "inf"},
                        Case{"1e-400", Kind::kFloat, "0.0"},
                        Case{"-INF", Kind::kFloat, "-inf"},
                        Case{"NaN", Kind::kFloat, "nan"},
                        Case{"infinity", Kind::kText, "infinity"},
                        Case{"e5", Kind::kText, "e5"},
                        Case{"1e", Kind::kText, "1e"},
                        Case{".", Kind::kText, "."},
                        Case{"TRUE", Kind::kBool, "True"},
                        Case{"false", Kind::kBool, "False"},
                        Case{"yes", Kind::kText, "yes"},
                        Case{"Null", Kind::kNull, "None"},
                        Case{"none", Kind::kText, "none"},
                        Case{"", Kind::kText, ""}}) {
    const OverrideValue parsed = value(c.text);
    EXPECT_EQ(parsed.kind, c.kind) << c.text;
    EXPECT_EQ(parsed.text, c.printed) << c.text;
  }
}

TEST(OverrideParser, BlanksQuotesAndBackslashes) {
  EXPECT_EQ(value(" 5 ").text, "5");
  EXPECT_EQ(value(" 5 ").kind, Kind::kInt);
  EXPECT_EQ(value("a b").text, "a b");
  EXPECT_EQ(value("'12'").kind, Kind::kText);
  EXPECT_EQ(value("''").text, "");
  EXPECT_EQ(value(R"('it\'s')").text, "it's");
  EXPECT_EQ(value(R"("say \"hi\"")").text, R"(say "hi")");
  EXPECT_EQ(value(R"('a\\b')").text, R"(a\\b)");  // inside quotes both stay
  EXPECT_EQ(value(R"('a\\')").text, R"(a\)");     // but for those before the closing quote
  EXPECT_EQ(value(R"(a\\b)").text, R"(a\b)");
  EXPECT_EQ(value(R"(C:\dir\x.pt)").text, R"(C:\dir\x.pt)");
  EXPECT_EQ(value(R"(a\=b\,c\(d\))").text, "a=b,c(d)");
  EXPECT_EQ(value(R"(\ x\ )").text, " x ");
  EXPECT_EQ(value(R"(1\,2)").kind, Kind::kText);
  EXPECT_EQ(value("'é 語 [x] {y} #'").text, "é 語 [x] {y} #");
  EXPECT_EQ(value("a:b?c@d|e*f%g$h").text, "a:b?c@d|e*f%g$h");
}

TEST(OverrideParser, ListsAndDicts) {
  const OverrideValue list = value("[a, 1 , 'x,y', [], null]");
  ASSERT_EQ(list.items.size(), 5u);
  EXPECT_EQ(list.items[0].text, "a");
  EXPECT_EQ(list.items[1].kind, Kind::kInt);
  EXPECT_EQ(list.items[2].text, "x,y");
  EXPECT_EQ(list.items[3].kind, Kind::kList);
  EXPECT_EQ(list.items[4].kind, Kind::kNull);
  const OverrideValue dict = value("{batch_size: 3, shuffle:false,inner:{a:b:c}}");
  ASSERT_EQ(dict.entries.size(), 3u);
  EXPECT_EQ(dict.entries[0].first, "batch_size");
  EXPECT_EQ(dict.entries[0].second.text, "3");
  EXPECT_EQ(dict.entries[1].second.kind, Kind::kBool);
  EXPECT_EQ(dict.entries[2].second.entries[0].second.text, "b:c");
  EXPECT_EQ(value("{}").kind, Kind::kDict);
}

// As hydra 1.3.2 and Python 3.12 do.
TEST(OverrideParser, Functions) {
  struct Case {
    const char* text;
    Kind kind;
    const char* printed;
  };
  for (const Case& c :
       {Case{"int(3)", Kind::kInt, "3"}, Case{"int(2.7)", Kind::kInt, "2"},
        Case{"int(-2.7)", Kind::kInt, "-2"}, Case{"int('1_2')", Kind::kInt, "12"},
        Case{"int(true)", Kind::kInt, "1"}, Case{"int( value = 3 )", Kind::kInt, "3"},
        Case{"int(1e30)", Kind::kInt, "1000000000000000019884624838656"},
        Case{"str(3)", Kind::kText, "3"}, Case{"str(true)", Kind::kText, "true"},
        Case{"str(1e3)", Kind::kText, "1000.0"}, Case{"float(3)", Kind::kFloat, "3.0"},
        Case{"float('nan')", Kind::kFloat, "nan"}, Case{"bool(0.0)", Kind::kBool, "False"},
        Case{"bool(nan)", Kind::kBool, "True"}, Case{"bool(TRUE)", Kind::kBool, "True"},
        Case{"bool(null)", Kind::kBool, "False"}, Case{"int(float(str(1e3)))", Kind::kInt, "1000"},
        Case{"sort(3)", Kind::kInt, "3"}}) {
    const OverrideValue parsed = value(c.text);
    EXPECT_EQ(parsed.kind, c.kind) << c.text;
    EXPECT_EQ(parsed.text, c.printed) << c.text;
  }
  EXPECT_EQ(value("int([1.5,{a:'2'}])"), value("[1,{a:2}]"));
  EXPECT_EQ(value("sort([b,a],reverse=false)"), value("[a,b]"));
  EXPECT_EQ(value("sort([1,3,2.5],reverse=true)"), value("[3,2.5,1]"));
  for (const char* bad :
       {"int(abc)", "int(1e400)", "int(nan)", "int(1", "int()", "int(1,2)", "int(null)",
        "bool(yes)", "str(null)", "float([null])", "int(x=1)", "int(value=1,2)", "sort([a,1])",
        "sort(1,2)", "shuffle([1,2])", "range(3)", "foo(1)"})
    EXPECT_NE(error(std::string("k=") + bad), "") << bad;
}

TEST(OverrideParser, Interpolations) {
  EXPECT_EQ(value("${a.b}").kind, Kind::kInterpolation);
  EXPECT_EQ(value("x${oc.env:HOME,a b}y").text, "x${oc.env:HOME,a b}y");
  EXPECT_EQ(value("'${a.${b}}'").kind, Kind::kInterpolation);
  EXPECT_EQ(value("$").kind, Kind::kText);
  EXPECT_NE(error("k=${a.${b}}"), "");  // hydra wants quotes here
  EXPECT_NE(error("k=${}"), "");
  EXPECT_NE(error("k=${a"), "");
}

TEST(OverrideParser, RefusesWithTheReason) {
  struct Case {
    const char* argument;
    const char* reason;
  };
  for (const Case& c : {Case{"trainer.epochs", "has no '='"},
                        Case{"=3", "no key"},
                        Case{"", "no key"},
                        Case{"@x=3", "malformed key"},
                        Case{"a..b=3", "malformed key"},
                        Case{".a=3", "malformed key"},
                        Case{"a.=3", "malformed key"},
                        Case{"a =3", "malformed key"},
                        Case{"a/b=[x]", "malformed key"},
                        Case{"~+x=1", "malformed key"},
                        Case{"k=1,2", "ambiguous"},
                        Case{"k='a','b'", "ambiguous"},
                        Case{"k=a=b", "unexpected character where '=' stands"},
                        Case{"k=a#b", "unexpected character where '#' stands"},
                        Case{"k=é", "special characters"},
                        Case{"k=a(b", "needs ')'"},
                        Case{"k=a(b)", "calls a()"},
                        Case{"k=range(1,3)", "calls range()"},
                        Case{"k=choice(1,2)", "calls choice()"},
                        Case{"k=${a", "unexpected character where '{' stands"},
                        Case{"k={null: 1}", "the key null"},
                        Case{"1=2", "malformed key"},
                        Case{"k='x' ", "unexpected character"},
                        Case{"k=[a", "needs ']'"},
                        Case{"k=[a,]", "needs a value"},
                        Case{"k=[,a]", "needs a value"},
                        Case{"k={a}", "needs ':'"},
                        Case{"k={a:1", "needs '}'"},
                        Case{"k=]", "needs a value"},
                        Case{"k='a", "without its end"},
                        Case{"k=[a,'b]", "without its end"},
                        Case{"k='a'b", "unexpected character where 'b' stands"},
                        Case{"k=a'b'", "unexpected character"}}) {
    const std::string message = error(c.argument);
    EXPECT_NE(message.find(c.reason), std::string::npos) << c.argument << " -> " << message;
    EXPECT_NE(message.find(c.argument), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
  }
}

TEST(OverrideParser, DeepNestingIsAnErrorNotACrash) {
  EXPECT_NE(error("k=" + std::string(100000, '[')).find("too deeply"), std::string::npos);
  std::string dict = "k=";
  for (int i = 0; i < 100000; ++i) dict += "{a:";
  EXPECT_NE(error(dict).find("too deeply"), std::string::npos);
}

// Any bytes give a result or a ConfigError.
TEST(OverrideParser, ArbitraryTextNeverCrashes) {
  const std::string alphabet = "ab1._-+~=,'\"\\[]{}():${} \t\xc3\xa9";
  std::uint64_t state = 7;
  int parsed = 0, refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = i % 2 == 0 ? "k=" : "";
    for (int j = 0; j < 1 + i % 12; ++j) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      text += alphabet[(state >> 33) % alphabet.size()];
    }
    (error(text).empty() ? parsed : refused) += 1;
  }
  EXPECT_GT(parsed, 50);
  EXPECT_GT(refused, 1000);
}

// repr() of Python 3.12.
TEST(OverrideParser, FloatsAsPythonPrintsThem) {
  EXPECT_EQ(python_float(0.1), "0.1");
  EXPECT_EQ(python_float(-0.0), "-0.0");
  EXPECT_EQ(python_float(1e22), "1e+22");
  EXPECT_EQ(python_float(123456789012345680.0), "1.2345678901234568e+17");
  EXPECT_EQ(python_float(9999999999999998.0), "9999999999999998.0");
  EXPECT_EQ(python_float(0.0001), "0.0001");
  EXPECT_EQ(python_float(0.00001), "1e-05");
  EXPECT_EQ(python_float(5e-324), "5e-324");
  EXPECT_EQ(python_float(std::numeric_limits<double>::infinity()), "inf");
}

}  // namespace
}  // namespace balr
