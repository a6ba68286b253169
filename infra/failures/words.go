package failures

import "dialtone/shared/failure"

// What people read. <host> and <time> stand for those of the case.
var (
	untrusted = Words{
		failure.Denied, "Skype for Business leads to an address that is not trusted",
		"Check UCWA_DISCOVERY_URL and the lyncdiscover records of the user's domain, then replay the request.",
	}
	inFront = Words{
		failure.Denied, "something in front of Skype for Business refuses the call",
		"Check the proxy and the publishing rules of the user's pool, then replay the request.",
	}
	skypeAway = Words{
		failure.Unavailable, "Skype for Business cannot answer now; nothing was changed",
		"Nothing to do: the request waits on its queue and is tried again.",
	}
	skypePaused = Words{
		failure.Unavailable, "ucwa/<host> is not called since <time>: status 502",
		"Nothing to do: the request waits on its queue and goes on when the vendor answers again.",
	}
	malformed = Words{
		failure.Invalid, "Skype for Business does not accept the call as dialtone makes it",
		"See the upstream answer; look for a proxy that changes calls on their way, else report a fault of dialtone; then replay the request.",
	}
	signInMalformed = Words{
		failure.Invalid, "the user's pool does not understand the sign-in",
		"Check the user's secret and UCWA_AUTH, and what stands between dialtone and the pool, then replay the request.",
	}
	wrongPassword = Words{
		failure.Denied, "Skype for Business refused the user's name or password",
		"Correct the user's secret, then replay the request; tries before that could lock the account.",
	}
	wrongGrant = Words{
		failure.Denied, "the user's pool does not allow the configured way to sign in",
		"Set UCWA_AUTH to a way that the pool offers, then replay the request.",
	}
	signInRefused = Words{
		failure.Denied, "the user's pool refuses the sign-in",
		"Check that the account is enabled and may sign in this way, then replay the request.",
	}
	noApplication = Words{
		failure.Denied, "the user is not allowed applications of this kind",
		"Allow them in the user's mobility and client policies, then replay the request.",
	}
	notSupported = Words{
		failure.Denied, "the user's pool does not support the operation, or what it has on the user stands against it",
		"See the upstream answer, have an administrator of the pool remove the obstacle, then replay the request.",
	}
	pushedOut = Words{
		failure.Unavailable, "another sign-in of the user pushed this one out",
		"Nothing to do: the request is tried again later, so as not to push out the user's own devices.",
	}
	wrongAgent = Words{
		failure.Denied, "the pool's policy refuses this client",
		"Allow the user agent in the pool's client version policy, then replay the request.",
	}
	notShown = Words{
		failure.Unknown, "Skype for Business does not show the change after it was made",
		"Nothing to do: the request is tried again and reads first.",
	}
	anonymous = Words{
		failure.Denied, "the user was signed in anonymously",
		"Give the user a secret with an account of the directory, then replay the request.",
	}
	noVoice = Words{
		failure.Denied, "the user is not enabled for Enterprise Voice",
		"Enable Enterprise Voice for the user (Set-CsUser -EnterpriseVoiceEnabled $true), then replay the request.",
	}
	wrongExchange = Words{
		failure.Denied, "the user's mailbox is on an Exchange version that the pool does not support",
		"Move the mailbox to a supported Exchange version, then replay the request.",
	}
	directoryPhone = Words{
		failure.Denied, "the phone is set in Active Directory, or the pool does not support the operation",
		"Have a directory administrator change the value, then drop or replay the request.",
	}
	allRefused = Words{
		failure.Conflict, "Skype for Business refused every number that was tried",
		"Check the dial plan of the user and of the location's numbers, then replay the request.",
	}
	notNormal = Words{
		failure.Invalid, "Skype for Business could not normalise the number",
		"Check the user's dial plan against the location's numbers, then replay the request.",
	}
	noSuchForwarding = Words{
		failure.Denied, "the user's pool does not support this call forwarding",
		"Move the user to a pool that does, or drop the request.",
	}
	noRinging = Words{
		failure.Denied, "the user is not enabled for Enterprise Voice or for simultaneous ring",
		"Enable Enterprise Voice for the user and simultaneous ring in the user's voice policy (Set-CsVoicePolicy -AllowSimulRing $true), then replay the request.",
	}
	badTarget = Words{
		failure.Invalid, "Skype for Business does not take the target",
		"Correct data.target: tel:+ and the number with its country code, or the sip: address of a person; then send the request again.",
	}
	notReadBack = Words{
		failure.Unknown, "the change may have been applied, but could not be read back",
		"Nothing to do: the request is tried again and reads first.",
	}
	skypeRefuses = Words{
		failure.Denied, "Skype for Business refuses the request",
		"See the upstream answer, remove the obstacle, then replay the request.",
	}
	oldPool = Words{
		failure.Denied, "the user's pool does not know this version of UCWA",
		"Move the user to a pool of Skype for Business Server 2015 or later, then replay the request.",
	}
	webexAway = Words{
		failure.Unavailable, "Webex cannot answer now; nothing was changed",
		"Nothing to do: the request waits on its queue and is tried again.",
	}
	badLocation = Words{
		failure.Invalid, "Webex does not know the location or refuses a value of the request",
		"Check locationId, licenseType and orgId against Control Hub, correct them and send the request again.",
	}
	tokenRefused = Words{
		failure.Unavailable, "Webex refused the access token or its renewal",
		"Renew the token in the Webex secret; requests wait on their queue meanwhile.",
	}
	wrongScope = Words{
		failure.Denied, "the Webex token may not read numbers",
		"Give the integration the scope spark-admin:telephony_config_read and an administrator role, then replay the request.",
	}
	webexMalformed = Words{
		failure.Invalid, "Webex does not offer the call as dialtone makes it",
		"Check WEBEX_BASE_URL, and what stands between dialtone and Webex; else report a fault of dialtone; then replay the request.",
	}
	webexConflict = Words{
		failure.Conflict, "Webex refuses to list numbers as its system stands",
		"See the upstream answer, ask Cisco's support with the tracking id if it does not tell, then replay the request.",
	}
	wrongRegion = Words{
		failure.Denied, "Webex keeps the organisation in another region",
		"Set WEBEX_BASE_URL to the host of the organisation's region, then replay the request.",
	}
	webexPaused = Words{
		failure.Unavailable, "webex/<host> is not called since <time>: status 504",
		"Nothing to do: the request waits on its queue and goes on when the vendor answers again.",
	}
	webexInvalid = Words{
		failure.Invalid, "Webex calls the request invalid",
		"See the upstream answer, correct the request and send it again.",
	}
	notRenewed = Words{
		failure.Unavailable, "the access token for Webex cannot be renewed now",
		"Nothing to do: the request waits on its queue and is tried again.",
	}
	noForwarding = Words{
		failure.Denied, "the user is not enabled for Enterprise Voice or may not forward calls",
		"Enable Enterprise Voice for the user and call forwarding in the user's voice policy (Set-CsVoicePolicy -AllowCallForwarding $true), then replay the request.",
	}
	noVoicemail = Words{
		failure.Denied, "the user is not enabled for Enterprise Voice, or has no voicemail",
		"Enable Enterprise Voice and hosted or Exchange voicemail for the user, then replay the request.",
	}
	noDelegates = Words{
		failure.Denied, "the user has no delegates",
		"Let the user name delegates in the client's call forwarding settings, then replay the request.",
	}
	noTeam = Words{
		failure.Denied, "the user has no team",
		"Let the user add members to the team in the client's call forwarding settings, then replay the request.",
	}
	ringsOn = Words{
		failure.Denied, "simultaneous ring cannot be turned off for this user",
		"See the upstream answer, remove the obstacle or let the user turn it off, then replay the request.",
	}
)
