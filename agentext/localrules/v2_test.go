// SPDX-License-Identifier: MPL-2.0

package localrules

import (
	"encoding/json"
	"strings"
	"testing"
)

// params reads the params of an envelope as the policy room gives them.
func params(t testing.TB, text string) (value any) {
	t.Helper()
	if text == "" {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func argumentRules(t testing.TB) *Rules {
	return made(t, Spec{V2Arguments: map[string]map[string][]string{
		"oauth2.createAccessToken": {"service_key": {"abc*", "xyz", "7"}},
		"oauth2.*":                 {"area": {"1*", ""}},
		"member.fetch":             {"id": {}},
		"test.echo":                {},
	}})
}

func TestWhatANamedArgumentMayBe(t *testing.T) {
	r := argumentRules(t)
	const limited = "oauth2.createAccessToken"
	const key, area = `with this value of the argument "service_key"`, `with this value of the argument "area"`
	for name, test := range map[string]struct{ method, params, want string }{
		"both, by glob and as it is":               {limited, `{"service_key":"abcd","area":"1"}`, ""},
		"by its exact value, with others beside":   {limited, `{"service_key":"xyz","area":"","client":{"client_id":"x"},"uri":null}`, ""},
		"a number by its text":                     {limited, `{"service_key":7,"area":10}`, ""},
		"a number written in another way":          {limited, `{"service_key":7.0,"area":1}`, key},
		"another value":                            {limited, `{"service_key":"xyzz","area":"1"}`, key},
		"a value in other letters":                 {limited, `{"service_key":"ABC","area":"1"}`, key},
		"a value with a space before it":           {limited, `{"service_key":" abc","area":"1"}`, key},
		"true":                                     {limited, `{"service_key":true,"area":"1"}`, key},
		"null":                                     {limited, `{"service_key":null,"area":"1"}`, key},
		"a list":                                   {limited, `{"service_key":["abc"],"area":"1"}`, key},
		"an object":                                {limited, `{"service_key":{"a":"abc"},"area":"1"}`, key},
		"no such argument":                         {limited, `{"area":"1"}`, `without the argument "service_key"`},
		"only deeper down":                         {limited, `{"client":{"service_key":"abc"},"area":"1"}`, `without the argument "service_key"`},
		"the name in other letters only":           {limited, `{"Service_Key":"abc","area":"1"}`, `without the argument "service_key"`},
		"the name in other letters beside it":      {limited, `{"service_key":"abc","SERVICE_KEY":"other","area":"1"}`, `with another spelling of the argument "service_key"`},
		"the name with a long s beside it":         {limited, `{"service_key":"abc","ſervice_key":"other","area":"1"}`, `with another spelling`},
		"a place among the names":                  {limited, `{"service_key":"abc","0":"other","area":"1"}`, `with the argument "0", which is a place and no name`},
		"a name without a letter":                  {limited, `{"service_key":"abc","":"other","area":"1"}`, `with the argument ""`},
		"an entry for more methods narrows too":    {limited, `{"service_key":"abc","area":"2"}`, area},
		"a method of the glob alone":               {"oauth2.fetchApplication", `{"service_key":"zzz","area":"1x"}`, ""},
		"a method of the glob, refused":            {"oauth2.fetchApplication", `{"service_key":"abc"}`, `without the argument "area"`},
		"the method in other letters":              {"OAuth2.CreateAccesstoken", `{"service_key":"zzz","area":"1"}`, key},
		"positional arguments":                     {limited, `["abc","1"]`, "without named arguments"},
		"an object within positional arguments":    {limited, `[{"service_key":"abc","area":"1"}]`, "without named arguments"},
		"no params":                                {limited, ``, "without named arguments"},
		"params that are null":                     {limited, `null`, "without named arguments"},
		"params that are a text":                   {limited, `"abc"`, "without named arguments"},
		"an empty list refuses every value":        {"member.fetch", `{"id":"a"}`, `with this value of the argument "id"`},
		"an empty list refuses an empty text":      {"member.fetch", `{"id":""}`, `with this value of the argument "id"`},
		"an empty entry asks for names":            {"test.echo", `{"a":1}`, ""},
		"an empty entry refuses positions":         {"test.echo", `["a"]`, "without named arguments"},
		"a method without entry, with positions":   {"object.query", `["select * from members"]`, ""},
		"a method without entry, without params":   {"object.query", ``, ""},
		"a name that is nearly that of the method": {limited + "\u200b", `{}`, "not spelt like one"},
		"a name with a slash":                      {"oauth2/createAccessToken", `{}`, "not spelt like one"},
	} {
		t.Run(name, func(t *testing.T) {
			got := verdict(r.V2(test.method, params(t, test.params)))
			if test.want == "" && got != "" || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got != "" && !strings.HasSuffix(got, "is not allowed here by the local rule v2_arguments of the place of v2_arguments") {
				t.Errorf("the rule is not named: %s", got)
			}
		})
	}
}

func TestARefusalRepeatsNoValue(t *testing.T) {
	err := argumentRules(t).V2("oauth2.createAccessToken", params(t, `{"service_key":"hunter2","area":"1"}`))
	if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "abc") {
		t.Errorf("got %v", err)
	}
}

// FuzzArguments: whatever is allowed has one value of the argument, which
// begins as it must.
func FuzzArguments(f *testing.F) {
	for _, seed := range []string{`{"service_key":"abc"}`, `{"service_key":7}`, `[{"service_key":"abc"}]`, `{"service_key":"abc","Service_Key":""}`, `null`} {
		f.Add("oauth2.createAccessToken", seed)
		f.Add("OAUTH2.createaccesstoken", seed)
	}
	r := made(f, Spec{V2Arguments: map[string]map[string][]string{"oauth2.createAccessToken": {"service_key": {"abc*", "7"}}}})
	f.Fuzz(func(t *testing.T, method, text string) {
		var value any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if d.Decode(&value) != nil || r.V2(method, value) != nil || !strings.EqualFold(method, "oauth2.createAccessToken") {
			return
		}
		count := 0
		for name, v := range value.(map[string]any) {
			if !strings.EqualFold(name, "service_key") {
				continue
			}
			count++
			if s, isText := v.(string); v != json.Number("7") && (!isText || s != "7" && !strings.HasPrefix(s, "abc")) {
				t.Errorf("%s: %v is allowed", text, v)
			}
		}
		if count != 1 {
			t.Errorf("%s: %d service keys", text, count)
		}
	})
}
