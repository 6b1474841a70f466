// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// FuzzTerms reads answers as they may come from whatever stands where Vault
// should. What is taken for a credential has a life that can be reckoned with,
// and no renewal lets it outlive its own end.
func FuzzTerms(f *testing.F) {
	const date = "Sun, 01 Mar 2026 12:00:00 GMT" // 1772366400
	for _, body := range []string{
		`{"lease_id":"a","renewable":true,"lease_duration":60,"data":{"sig":"5f"}}`,
		`{"lease_id":"a","lease_duration":900,"data":{"access_token":"t","expiry_epoch":1772370000}}`,
		`{"data":{"access_token":"t","expiry_epoch":1772370000,"token_time_remaining":3600}}`,
		`{"data":{"token_time_remaining":-1}}`, `{"data":{"token_time_remaining":"3600"}}`,
		`{"data":{"token_time_remaining":1e3,"expiry_epoch":9223372036854775807}}`,
		`{"lease_duration":9223372036854775807,"data":{"expiry_epoch":-9223372036854775808}}`,
		`{"data":null}`, `null`, `[]`, `<html>`, ``,
	} {
		f.Add(body, date, 60)
	}
	f.Fuzz(func(t *testing.T, body, date string, renewed int) {
		secret, err := api.ParseSecret(strings.NewReader(body))
		if err != nil || secret == nil {
			return
		}
		header := http.Header{"Date": {date}}
		for what, read := range map[string]func(*api.Secret, http.Header) (terms, error){"lease": leaseTerms, "token": tokenTerms} {
			got, err := read(secret, header)
			if err != nil {
				continue
			}
			if got.usable() <= 0 || got.usable() >= got.life() || got.life() > seconds(longestLease) {
				t.Errorf("%s: usable for %s of %s", what, got.usable(), got.life())
			}
			if after := upkeepAfter(got); after < 0 || after > got.usable() {
				t.Errorf("%s: upkeep after %s of %s", what, after, got.usable())
			}
			var h held
			sent := time.Now()
			h.begin(secret, got, sent, sent)
			h.extend(&api.Secret{LeaseDuration: renewed}, sent.Add(got.usable()/2))
			if !h.own.IsZero() && h.end.After(h.own) || h.deadline.After(h.end) {
				t.Errorf("%s: it is used until %s, its end is %s, its own %s", what, h.deadline, h.end, h.own)
			}
		}
	})
}
