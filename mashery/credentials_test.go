// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"testing"
	"time"
)

func TestSignV2GivesWhatMd5sumGives(t *testing.T) {
	// printf %s "abc123secret9991469813265" | md5sum, and so on.
	for _, test := range []struct {
		name, key, secret string
		at                time.Time
		want              string
	}{
		{"at a whole second", "abc123", "secret999", time.Unix(1469813265, 0), "55f31b1553530d394247ebb5a18b4869"},
		{"within the second", "abc123", "secret999", time.Unix(1469813265, 999_999_999), "55f31b1553530d394247ebb5a18b4869"},
		{"in another time zone", "abc123", "secret999", time.Unix(1469813265, 0).In(time.FixedZone("", 5*3600)), "55f31b1553530d394247ebb5a18b4869"},
		{"a second later", "abc123", "secret999", time.Unix(1469813266, 0), "6d62b3c41d749612850681755b33c460"},
		{"with an MD5 that begins with a zero", "zero-4", "s", time.Unix(0, 0), "04e30c67d0dd2680f188f71299ea3ae5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := SignV2(NewSecret(test.key), NewSecret(test.secret), test.at).Reveal(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestCredentialsServeAnAPIOnlyWhenWhole(t *testing.T) {
	whole := Credentials{
		AreaID: "area", AreaNID: 7, APIKey: NewSecret("k"), Secret: NewSecret("s"), Username: "u", Password: NewSecret("p"),
	}
	for _, test := range []struct {
		name   string
		lack   func(*Credentials)
		v2, v3 bool
	}{
		{"nothing lacks", func(*Credentials) {}, true, true},
		{"no area id", func(c *Credentials) { c.AreaID = "" }, true, false},
		{"no area number", func(c *Credentials) { c.AreaNID = 0 }, false, true},
		{"a negative area number", func(c *Credentials) { c.AreaNID = -1 }, false, true},
		{"no key", func(c *Credentials) { c.APIKey = Secret{} }, false, false},
		{"no secret", func(c *Credentials) { c.Secret = Secret{} }, false, false},
		{"no user", func(c *Credentials) { c.Username = "" }, true, false},
		{"no password", func(c *Credentials) { c.Password = Secret{} }, true, false},
		{"nothing at all", func(c *Credentials) { *c = Credentials{} }, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := whole
			test.lack(&c)
			if c.V2Capable() != test.v2 || c.V3Capable() != test.v3 {
				t.Errorf("V2 %v, V3 %v; want %v, %v", c.V2Capable(), c.V3Capable(), test.v2, test.v3)
			}
		})
	}
}
