Feature: Forced proxy mode
  A role in forced proxy mode gives no credential out; the engine makes the calls.

  Background:
    Given the engine
    And the role "billing" with
      | forced_proxy_mode | true |

  Scenario Outline: Credentials are refused
    When I read "mash-creds/roles/billing/<what>"
    Then it is refused (400): operation is not permitted as this role requires proxy mode

    Examples:
      | what        |
      | grant?api=2 |
      | grant?api=3 |
      | token       |

  Scenario: The engine makes the calls
    When a program sends GET "mash-creds/roles/billing/proxy/v3/services?limit=3"
    Then it is a list of 3
    When I list "mash-creds/roles/billing/v3/services"
    Then it says
      | total_count | 264 |
    When a program sends POST "mash-creds/roles/billing/proxy/v2" with {"id": 1, "method": "test.echo", "params": ["hello"]}
    Then its status is 200

  Scenario: It can be taken back
    When I write to "mash-creds/roles/billing"
      | forced_proxy_mode | false |
    And I read "mash-creds/roles/billing/token"
    Then it works
