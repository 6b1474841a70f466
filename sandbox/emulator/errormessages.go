// SPDX-License-Identifier: MPL-2.0

package emulator

// errorMessages is Mashery's default error set [Terraform provider,
// service_error_test_set_default.json; the service-not-found answer, which is in
// no set, apart]. Where a status's own text is all that is known of a detail,
// that is the detail.
func errorMessages() map[string]map[string]any {
	messages := map[string]map[string]any{}
	for _, m := range []struct {
		code       int
		id, detail string
	}{
		{400, "ERR_400_BAD_REQUEST", "Bad Request"},
		{400, "ERR_400_UNSUPPORTED_PARAMETER", "Unsupported Parameter"},
		{400, "ERR_400_UNSUPPORTED_SIGNATURE_METHOD", "Unsupported Signature Method"},
		{400, "ERR_400_MISSING_REQUIRED_CONSUMER_KEY", "Missing Required Consumer Key"},
		{400, "ERR_400_MISSING_REQUIRED_REQUEST_TOKEN", "Missing Required Request Token"},
		{400, "ERR_400_MISSING_REQUIRED_ACCESS_TOKEN", "Missing Required Access Token"},
		{504, "ERR_400_DUPLICATED_OAUTH_PROTOCOL_PARAMETER", "Duplicated OAuth Protocol Parameter"},
		{401, "ERR_401_TIMESTAMP_IS_INVALID", "Timestamp is Invalid"},
		{401, "ERR_401_INVALID_SIGNATURE", "Invalid Signature"},
		{401, "ERR_401_INVALID_OR_EXPIRED_TOKEN", "Invalid or Expired Token"},
		{401, "ERR_401_INVALID_CONSUMER_KEY", "Invalid Consumer Key"},
		{401, "ERR_401_INVALID_NONCE", "Invalid Nonce"},
		{403, "ERR_403_NOT_AUTHORIZED", "Not Authorized"},
		{403, "ERR_403_DEVELOPER_INACTIVE", "Account Inactive"},
		{403, "ERR_403_DEVELOPER_OVER_QPS", "Account Over Queries Per Second Limit"},
		{403, "ERR_403_DEVELOPER_OVER_RATE", "Account Over Rate Limit"},
		{403, "ERR_403_DEVELOPER_UNKNOWN_REFERER", "Invalid Referer"},
		{403, "ERR_403_SERVICE_OVER_QPS", "Rate Limit Exceeded"},
		{403, "ERR_403_SERVICE_REQUIRES_SSL", "Service Requires SSL"},
		{414, "ERR_414_REQUEST_URI_TOO_LONG", "Request URI Too Long"},
		{502, "ERR_502_BAD_GATEWAY", "Bad Gateway"},
		{503, "ERR_503_SERVICE_UNAVAILABLE", "Scheduled Maintenance"},
		{504, "ERR_504_GATEWAY_TIMEOUT", "Gateway Timeout"},
	} {
		messages[m.id] = map[string]any{
			"code": m.code, "status": m.detail, "detailHeader": m.detail, "responseBody": "<h1>" + m.detail + "</h1>",
		}
	}
	return messages
}
