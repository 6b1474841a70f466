// SPDX-License-Identifier: MPL-2.0

package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-secure-stdlib/parseutil"
)

// headroomAuto is the value of the key `headroom` that has it measured.
const headroomAuto = "auto"

// mostHeadroom halves the rate: more is no jitter any more.
const mostHeadroom = time.Second

// readTimes reads the keys of a block that are durations.
func (b *blockReader) readTimes(m *Mashery, raw *masheryBlock) {
	const aTime = `: "30s", "2m" or a number of seconds`
	const waits = "Write how long a call may wait, more than nothing" + aTime + "."
	m.MaxWait = b.duration("max_wait", raw.MaxWait, DefaultMaxWait, 1, waits)
	m.PolicyMaxStale = b.duration("policy_max_stale", raw.PolicyMaxStale, DefaultPolicyMaxStale, 0,
		"Write how long the last policies hold while Vault is away"+aTime+"; 0: as long as the token lives.")
	for key, limit := range map[string]struct {
		to  *time.Duration
		raw *string
	}{
		"dial_timeout":            {&m.DialTimeout, raw.DialTimeout},
		"tls_handshake_timeout":   {&m.TLSHandshakeTimeout, raw.TLSHandshakeTimeout},
		"response_header_timeout": {&m.ResponseHeaderTimeout, raw.ResponseHeaderTimeout},
	} {
		*limit.to = b.duration(key, limit.raw, 0, 1, "Write how long to wait for Mashery, more than nothing"+aTime+".")
	}
	m.HeadroomAuto = raw.Headroom == nil || *raw.Headroom == headroomAuto
	if !m.HeadroomAuto {
		const apart = `Write "auto", or how much calls are held apart more than their limit asks, 1s at most: "20ms", or a number of seconds.`
		m.Headroom = b.duration("headroom", raw.Headroom, 0, 0, apart)
		if m.Headroom > mostHeadroom {
			b.error(b.at("headroom"), fmt.Sprintf("headroom cannot be %q", *raw.Headroom), apart)
		}
	}
}

// duration reads one of at least the given length. Vault's parser takes an empty
// text for nought, which for policy_max_stale would be the longest time of all.
func (b *blockReader) duration(key string, raw *string, fallback, least time.Duration, advice string) time.Duration {
	if raw == nil {
		return fallback
	}
	length, err := parseutil.ParseDurationSecond(*raw)
	if err != nil || length < least || strings.TrimSpace(*raw) == "" {
		b.error(b.at(key), fmt.Sprintf("%s cannot be %q", key, *raw), advice)
	}
	return length
}
