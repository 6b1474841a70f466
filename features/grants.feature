Feature: Grants
  A grant is a short-lived credential of one's own: a V2 signature or a V3 access token.

  Background:
    Given the engine

  Scenario: A V2 grant is a signature
    Given the role "billing"
    When I read "mash-creds/roles/billing/grant?api=2"
    Then it says
      | api_key        | planted-api-key |
      | area_nid       | 712             |
      | sig            | *               |
      | qps            | 100             |
      | key_id         | *               |
      | v2_endpoint    | *               |
      | lease_duration | 0               |

  Scenario: Every V3 grant is a token of its own
    Given the role "billing"
    When I read "mash-creds/roles/billing/grant"
    Then it says
      | access_token         | * |
      | expiry               | * |
      | expiry_epoch         | * |
      | token_time_remaining | * |
    And I remember "access_token" as {first}
    When I read "mash-creds/roles/billing/grant?api=3"
    Then "access_token" is another than {first}
    And Mashery gave 2 tokens

  Scenario Outline: A grant may come with a lease, which can be renewed and revoked
    Given the role "billing"
    When I read "mash-creds/roles/billing/grant?api=<api>&lease=true"
    Then it says
      | renewable      | true      |
      | lease_duration | <seconds> |
    When I renew its lease
    Then it says
      | lease_duration | <seconds> |
    When I revoke its lease
    Then it works

    Examples:
      | api | seconds |
      | 2   | 60      |
      | 3   | 900     |

  Scenario: The lease of a role that is gone is not renewed
    Given the role "billing"
    When I read "mash-creds/roles/billing/grant?api=2&lease=true"
    And I remember "lease_id" as {lease}
    And I delete "mash-creds/roles/billing"
    And I renew its lease
    Then it is refused (400): * lease is not renewable: role "billing" is gone

  Scenario Outline: The lease of a grant that tells another qps than the role has is not renewed
    Given the role "billing"
    When I read "mash-creds/roles/billing/grant?api=<api>&lease=true"
    And I remember "lease_id" as {lease}
    And I write to "mash-creds/roles/billing"
      | qps | 5 |
    And I renew its lease
    Then it is refused (400): * the grant is out of date: role "billing" has another qps, or the mount another endpoint, than it tells; read a new one
    When I read "mash-creds/roles/billing/grant?api=<api>&lease=true"
    Then it says
      | qps | 5 |
    When I renew its lease
    Then it says
      | lease_duration | <seconds> |

    Examples:
      | api | seconds |
      | 2   | 60      |
      | 3   | 900     |

  Scenario: A role lacks the credentials of an API
    Given the role "billing" for V2 alone
    When I read "mash-creds/roles/billing/grant?api=3"
    Then it is refused (400): role is not capable of api version 3, which needs *; write them to roles/billing

  Scenario: Mashery refuses the credentials
    Given the role "billing" with
      | password | mistyped |
    When I read "mash-creds/roles/billing/grant"
    Then it is refused (400): role "billing": *check the role's key, secret, user, password and area*

  Scenario Outline: Mashery is away
    Given the role "billing"
    And Mashery has the fault "<fault>"
    When I read "mash-creds/roles/billing/<what>"
    Then it is refused (502): role "billing": *

    Examples:
      | what              | fault                      |
      | grant             | error,api=token,status=500 |
      | token             | error,api=token,status=596 |
      | proxy/v3/services | error,api=token,status=503 |
      | grant             | cut_before,api=token       |
      | token             | cut_body,api=token         |
      | proxy/v3/services | garbage,api=token          |

  Scenario: A token over Mashery's limit is asked for again
    Given the role "billing"
    And Mashery has the fault "over_qps,api=token,count=1"
    When I read "mash-creds/roles/billing/grant"
    Then it says
      | access_token | * |

  Scenario: Five hundred grants at once, where Mashery gives one token a second
    Given Mashery gives 1 token a second
    And the role "billing"
    When 500 programs read "mash-creds/roles/billing/grant" at once
    Then at least 15 are answered and all others refused in words, within 30 seconds
