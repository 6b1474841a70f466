// SPDX-License-Identifier: MPL-2.0

package mashery

import (
	"crypto/md5"
	"encoding/hex"
	"strconv"
	"time"
)

// Credentials are what Mashery gives an administrator for good: an API key
// with its secret, and for V3 a user of one area.
type Credentials struct {
	// AreaID is the area's UUID, the OAuth scope of V3.
	AreaID string
	// AreaNID is the area's number, part of every V2 address. 0: none.
	AreaNID int64
	// APIKey and Secret serve both APIs.
	APIKey, Secret Secret
	// Username and Password are of the account V3 tokens are asked for.
	Username string
	Password Secret
}

// V2Capable tells whether a V2 call can be signed with c.
func (c Credentials) V2Capable() bool {
	return c.AreaNID > 0 && !c.APIKey.IsZero() && !c.Secret.IsZero()
}

// V3Capable tells whether a V3 token can be asked for with c.
func (c Credentials) V3Capable() bool {
	return c.AreaID != "" && !c.APIKey.IsZero() && !c.Secret.IsZero() && c.Username != "" && !c.Password.IsZero()
}

// Secrets are what no error may repeat of c: key and secret together, as V3's token
// endpoint is sent them, and each alone, the account's name too.
func (c Credentials) Secrets() []Secret {
	basic := NewSecret(c.APIKey.Reveal() + ":" + c.Secret.Reveal())
	return []Secret{basic, c.APIKey, c.Secret, NewSecret(c.Username), c.Password}
}

// SignV2 is the signature of a V2 call made at the given time: the lower-case
// hex MD5 of key, secret and whole Unix seconds. Mashery accepts it for five
// minutes either way [developer.mashery.com, V2 Authentication].
func SignV2(key, secret Secret, at time.Time) Secret {
	sum := md5.Sum([]byte(key.Reveal() + secret.Reveal() + strconv.FormatInt(at.Unix(), 10)))
	return NewSecret(hex.EncodeToString(sum[:]))
}
