// SPDX-License-Identifier: MPL-2.0

package intercept

import (
	"encoding/json"
	"strings"
	"testing"

	"mashproxy/cache"
	"mashproxy/mashery"
)

func TestAGrantIsReadFromTheEnginesAnswer(t *testing.T) {
	v2 := `{"api_key": "key", "sig": "0a1b", "area_nid": 712, "qps": 2, "key_id": "id"}`
	tests := map[string]struct {
		api  int
		data string
		want mashery.Grant
	}{
		"V3":                         {3, `{"access_token": "tok", "qps": 2.5, "key_id": "id"}`, mashery.Grant{API: 3, AccessToken: mashery.NewSecret("tok"), QPS: 2.5, KeyID: "id"}},
		"V3 of an older engine":      {3, `{"access_token": "tok"}`, mashery.Grant{API: 3, AccessToken: mashery.NewSecret("tok")}},
		"V3 with V2's data":          {3, strings.Replace(v2, "{", `{"access_token": "tok",`, 1), mashery.Grant{API: 3, AccessToken: mashery.NewSecret("tok"), QPS: 2, KeyID: "id"}},
		"V2":                         {2, v2, mashery.Grant{API: 2, APIKey: mashery.NewSecret("key"), Signature: mashery.NewSecret("0a1b"), AreaNID: 712, QPS: 2, KeyID: "id"}},
		"V2 with numbers as text":    {2, `{"api_key": "key", "sig": "s", "area_nid": "712", "qps": "2"}`, mashery.Grant{API: 2, APIKey: mashery.NewSecret("key"), Signature: mashery.NewSecret("s"), AreaNID: 712, QPS: 2}},
		"V3 with its address":        {3, `{"access_token": "tok", "v2_endpoint": "http://a", "v3_endpoint": "http://b"}`, mashery.Grant{API: 3, AccessToken: mashery.NewSecret("tok"), Endpoint: "http://b"}},
		"V2 with its address":        {2, `{"api_key": "key", "sig": "s", "area_nid": 7, "v2_endpoint": "http://a", "v3_endpoint": "http://b"}`, mashery.Grant{API: 2, APIKey: mashery.NewSecret("key"), Signature: mashery.NewSecret("s"), AreaNID: 7, Endpoint: "http://a"}},
		"an address that is no text": {3, `{"access_token": "tok", "v3_endpoint": null}`, mashery.Grant{API: 3, AccessToken: mashery.NewSecret("tok")}},
		"a key id that is no text":   {3, `{"access_token": "tok", "key_id": 7}`, mashery.Grant{API: 3, AccessToken: mashery.NewSecret("tok")}},
		"a rate that is not told":    {3, `{"access_token": "tok", "qps": null}`, mashery.Grant{API: 3, AccessToken: mashery.NewSecret("tok")}},
		"a rate of nothing, for ∞":   {3, `{"access_token": "tok", "qps": 0}`, mashery.Grant{API: 3, AccessToken: mashery.NewSecret("tok")}},
		"a token with odd letters":   {3, `{"access_token": "a.b_c~d+/="}`, mashery.Grant{API: 3, AccessToken: mashery.NewSecret("a.b_c~d+/=")}},
		"more than anybody asks of":  {3, `{"access_token": "tok", "new": {"a": []}}`, mashery.Grant{API: 3, AccessToken: mashery.NewSecret("tok")}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseGrant(cache.Key{API: test.api}, decode(t, test.data))
			if err != nil || *got != test.want {
				t.Errorf("%+v, %v; want %+v", got, err, test.want)
			}
		})
	}
}

func TestAnOddGrantIsAnError(t *testing.T) {
	const v2 = `{"api_key": "geheim", "sig": "geheim", "area_nid": 712}`
	tests := map[string]struct {
		api  int
		data string
		want string
	}{
		"nothing at all":           {3, `{}`, "access_token is missing"},
		"an empty token":           {3, `{"access_token": ""}`, "access_token is missing"},
		"a token that is a number": {3, `{"access_token": 1}`, "access_token is missing"},
		"a token with a space":     {3, `{"access_token": "geheim geheim"}`, "characters that no credential has"},
		"a token with a line end":  {3, `{"access_token": "geheim\r\nX: y"}`, "characters that no credential has"},
		"a token of other letters": {3, `{"access_token": "geheimé"}`, "characters that no credential has"},
		"V2 asked, V3 given":       {2, `{"access_token": "geheim"}`, "api_key is missing"},
		"V3 asked, V2 given":       {3, v2, "access_token is missing"},
		"V2 without a signature":   {2, strings.Replace(v2, "sig", "x", 1), "sig is missing"},
		"V2 with a signature that": {2, strings.Replace(v2, `"sig": "geheim"`, `"sig": "geheim&apikey=\n"`, 1), "sig is missing, or holds"},
		"V2 without an area":       {2, strings.Replace(v2, "area_nid", "x", 1), "area_nid is missing"},
		"an area of nothing":       {2, strings.Replace(v2, "712", "0", 1), "no whole number above 0"},
		"an area below nothing":    {2, strings.Replace(v2, "712", "-1", 1), "no whole number above 0"},
		"half an area":             {2, strings.Replace(v2, "712", "1.5", 1), "no whole number above 0"},
		"an area that is a path":   {2, strings.Replace(v2, "712", `"712/../x"`, 1), "no whole number above 0"},
		"an area beyond all":       {2, strings.Replace(v2, "712", "99999999999999999999", 1), "no whole number above 0"},
		"a rate below nothing":     {3, `{"access_token": "geheim", "qps": -1}`, "qps is not a number"},
		"a rate beyond all":        {3, `{"access_token": "geheim", "qps": 1e400}`, "qps is not a number"},
		"a rate that is no number": {3, `{"access_token": "geheim", "qps": "NaN"}`, "qps is not a number"},
		"a rate without end":       {3, `{"access_token": "geheim", "qps": "Inf"}`, "qps is not a number"},
		"a rate that is a list":    {3, `{"access_token": "geheim", "qps": [2]}`, "qps is not a number"},
		"a rate that is a word":    {3, `{"access_token": "geheim", "qps": "∞"}`, "qps is not a number"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ParseGrant(cache.Key{API: test.api}, decode(t, test.data))
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "geheim") {
				t.Errorf("error %v, want %q and no values", err, test.want)
			}
		})
	}
}

// decode reads data as Vault's client does.
func decode(t *testing.T, text string) (data map[string]any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&data); err != nil {
		t.Fatal(err)
	}
	return data
}
