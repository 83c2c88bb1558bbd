//! The permissions RBAC grants, named as StackStorm names them. Which role has which is decided elsewhere.

/// A kind of thing permissions are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResourceType {
    /// `runner_type`
    RunnerType,
    /// `pack`
    Pack,
    /// `sensor_type`
    SensorType,
    /// `action`
    Action,
    /// `action_alias`
    ActionAlias,
    /// `rule`
    Rule,
    /// `rule_enforcement`
    RuleEnforcement,
    /// `execution`
    Execution,
    /// `key_value_pair`
    KeyValuePair,
    /// `webhook`
    Webhook,
    /// `timer`
    Timer,
    /// `api_key`
    ApiKey,
    /// `trace`
    Trace,
    /// `trigger`
    Trigger,
    /// `policy_type`
    PolicyType,
    /// `policy`
    Policy,
    /// `inquiry`
    Inquiry,
    /// `stream`
    Stream,
}

macro_rules! permissions {
    ($($name:ident = $kind:ident $word:literal $about:expr),* $(,)?) => {
        /// One permission.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Permission { $(#[doc = $about] $name),* }

        impl Permission {
            /// All of them, grouped by resource type.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word on the wire and in role files.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// What it allows, for people.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => $about),* }
            }

            /// What it is about.
            pub const fn resource_type(self) -> ResourceType {
                match self { $(Self::$name => ResourceType::$kind),* }
            }
        }
    };
}

permissions! {
    RunnerTypeList = RunnerType "runner_type_list" "Ability to list (view all) runners.",
    RunnerTypeView = RunnerType "runner_type_view" "Ability to view a runner.",
    RunnerTypeModify = RunnerType "runner_type_modify" "Ability to modify (update) an existing runner. Also implies \"runner_type_view\" permission.",
    RunnerTypeAll = RunnerType "runner_type_all" "Ability to perform all the supported operations on a particular runner.",
    PackList = Pack "pack_list" "Ability to list (view all) packs.",
    PackView = Pack "pack_view" "Ability to view a pack.",
    PackCreate = Pack "pack_create" "Ability to create a new pack.",
    PackModify = Pack "pack_modify" "Ability to modify (update) an existing pack.",
    PackDelete = Pack "pack_delete" "Ability to delete an existing pack.",
    PackInstall = Pack "pack_install" "Ability to install packs.",
    PackUninstall = Pack "pack_uninstall" "Ability to uninstall packs.",
    PackRegister = Pack "pack_register" "Ability to register packs and corresponding resources.",
    PackConfig = Pack "pack_config" "Ability to configure a pack.",
    PackSearch = Pack "pack_search" "Ability to query registry and search packs.",
    PackViewsIndexHealth = Pack "pack_views_index_health" "Ability to query health of pack registries.",
    PackAll = Pack "pack_all" "Ability to perform all the supported operations on a particular pack.",
    SensorTypeList = SensorType "sensor_type_list" "Ability to list (view all) sensors.",
    SensorTypeView = SensorType "sensor_type_view" "Ability to view a sensor",
    SensorTypeModify = SensorType "sensor_type_modify" "Ability to modify (update) an existing sensor. Also implies \"sensor_type_view\" permission.",
    SensorTypeAll = SensorType "sensor_type_all" "Ability to perform all the supported operations on a particular sensor.",
    ActionList = Action "action_list" "Ability to list (view all) actions.",
    ActionView = Action "action_view" "Ability to view an action.",
    ActionCreate = Action "action_create" "Ability to create a new action. Also implies \"action_view\" permission.",
    ActionModify = Action "action_modify" "Ability to modify (update) an existing action. Also implies \"action_view\" permission.",
    ActionDelete = Action "action_delete" "Ability to delete an existing action. Also implies \"action_view\" permission.",
    ActionExecute = Action "action_execute" "Ability to execute (run) an action. Also implies \"action_view\" permission.",
    ActionAll = Action "action_all" "Ability to perform all the supported operations on a particular action.",
    ActionAliasList = ActionAlias "action_alias_list" "Ability to list (view all) action aliases.",
    ActionAliasView = ActionAlias "action_alias_view" "Ability to view an action alias.",
    ActionAliasCreate = ActionAlias "action_alias_create" "Ability to create a new action alias. Also implies \"action_alias_view\" permission.",
    ActionAliasModify = ActionAlias "action_alias_modify" "Ability to modify (update) an existing action alias. Also implies \"action_alias_view\" permission.",
    ActionAliasMatch = ActionAlias "action_alias_match" "Ability to use action alias match API endpoint.",
    ActionAliasHelp = ActionAlias "action_alias_help" "Ability to use action alias help API endpoint.",
    ActionAliasDelete = ActionAlias "action_alias_delete" "Ability to delete an existing action alias. Also implies \"action_alias_view\" permission.",
    ActionAliasAll = ActionAlias "action_alias_all" "Ability to perform all the supported operations on a particular action alias.",
    RuleList = Rule "rule_list" "Ability to list (view all) rules.",
    RuleView = Rule "rule_view" "Ability to view a rule.",
    RuleCreate = Rule "rule_create" "Ability to create a new rule. Also implies \"rule_view\" permission",
    RuleModify = Rule "rule_modify" "Ability to modify (update) an existing rule. Also implies \"rule_view\" permission.",
    RuleDelete = Rule "rule_delete" "Ability to delete an existing rule. Also implies \"rule_view\" permission.",
    RuleAll = Rule "rule_all" "Ability to perform all the supported operations on a particular rule.",
    RuleEnforcementList = RuleEnforcement "rule_enforcement_list" "Ability to list (view all) rule enforcements.",
    RuleEnforcementView = RuleEnforcement "rule_enforcement_view" "Ability to view a rule enforcement.",
    ExecutionList = Execution "execution_list" "Ability to list (view all) executions.",
    ExecutionView = Execution "execution_view" "Ability to view an execution.",
    ExecutionRerun = Execution "execution_rerun" "Ability to create a new action.",
    ExecutionStop = Execution "execution_stop" "Ability to stop (cancel) a running execution.",
    ExecutionAll = Execution "execution_all" "Ability to perform all the supported operations on a particular execution.",
    ExecutionViewsFiltersList = Execution "execution_views_filters_list" "Ability view all the distinct execution filters.",
    KeyValuePairList = KeyValuePair "key_value_pair_list" "Ability to list (view all) Key-Value Pairs.",
    KeyValuePairView = KeyValuePair "key_value_pair_view" "Ability to view Key-Value Pairs.",
    KeyValuePairSet = KeyValuePair "key_value_pair_set" "Ability to set a Key-Value Pair.",
    KeyValuePairDelete = KeyValuePair "key_value_pair_delete" "Ability to delete an existing Key-Value Pair.",
    KeyValuePairAll = KeyValuePair "key_value_pair_all" "Ability to perform all the supported operations on a Key-Value Pair.",
    WebhookList = Webhook "webhook_list" "Ability to list (view all) webhooks.",
    WebhookView = Webhook "webhook_view" "Ability to view a webhook.",
    WebhookCreate = Webhook "webhook_create" "Ability to create a new webhook.",
    WebhookSend = Webhook "webhook_send" "Ability to send / POST data to an existing webhook.",
    WebhookDelete = Webhook "webhook_delete" "Ability to delete an existing webhook.",
    WebhookAll = Webhook "webhook_all" "Ability to perform all the supported operations on a particular webhook.",
    TimerList = Timer "timer_list" "Ability to list (view all) timers.",
    TimerView = Timer "timer_view" "Ability to view a timer.",
    TimerAll = Timer "timer_all" "Ability to perform all the supported operations on timers",
    ApiKeyList = ApiKey "api_key_list" "Ability to list (view all) API keys.",
    ApiKeyView = ApiKey "api_key_view" "Ability to view an API Key.",
    ApiKeyCreate = ApiKey "api_key_create" "Ability to create a new API Key.",
    ApiKeyModify = ApiKey "api_key_modify" "Ability to modify (update) an existing API key. Also implies \"api_key_view\" permission.",
    ApiKeyDelete = ApiKey "api_key_delete" "Ability to delete an existing API Keys.",
    ApiKeyAll = ApiKey "api_key_all" "Ability to perform all the supported operations on an API Key.",
    TraceList = Trace "trace_list" "Ability to list (view all) traces.",
    TraceView = Trace "trace_view" "Ability to view a trace.",
    TraceAll = Trace "trace_all" "Ability to perform all the supported operations on traces.",
    TriggerList = Trigger "trigger_list" "Ability to list (view all) triggers.",
    TriggerView = Trigger "trigger_view" "Ability to view a trigger.",
    TriggerAll = Trigger "trigger_all" "Ability to perform all the supported operations on triggers.",
    PolicyTypeList = PolicyType "policy_type_list" "Ability to list (view all) policy types.",
    PolicyTypeView = PolicyType "policy_type_view" "Ability to view a policy types.",
    PolicyTypeAll = PolicyType "policy_type_all" "Ability to perform all the supported operations on policy types.",
    PolicyList = Policy "policy_list" "Ability to list (view all) policies.",
    PolicyView = Policy "policy_view" "Ability to view a policy.",
    PolicyCreate = Policy "policy_create" "Ability to create a new policy.",
    PolicyModify = Policy "policy_modify" "Ability to modify an existing policy.",
    PolicyDelete = Policy "policy_delete" "Ability to delete an existing policy.",
    PolicyAll = Policy "policy_all" "Ability to perform all the supported operations on a particular policy.",
    InquiryList = Inquiry "inquiry_list" "Ability to list existing Inquiries",
    InquiryView = Inquiry "inquiry_view" "Ability to view an existing Inquiry. Also implies \"inquiry_respond\" permission.",
    InquiryRespond = Inquiry "inquiry_respond" "Ability to respond to an existing Inquiry (in general - user still needs access per specific inquiry parameters). Also implies \"inquiry_view\" permission.",
    InquiryAll = Inquiry "inquiry_all" "Ability to perform all supported operations on a particular Inquiry.",
    StreamView = Stream "stream_view" "Ability to view the event stream.",
}

impl ResourceType {
    /// Every type whose permissions roles can grant.
    pub const ALL: &[Self] = &[
        Self::RunnerType,
        Self::Pack,
        Self::SensorType,
        Self::Action,
        Self::ActionAlias,
        Self::Rule,
        Self::RuleEnforcement,
        Self::Execution,
        Self::KeyValuePair,
        Self::Webhook,
        Self::Timer,
        Self::ApiKey,
        Self::Trace,
        Self::Trigger,
        Self::PolicyType,
        Self::Policy,
        Self::Inquiry,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RunnerType => "runner_type",
            Self::Pack => "pack",
            Self::SensorType => "sensor_type",
            Self::Action => "action",
            Self::ActionAlias => "action_alias",
            Self::Rule => "rule",
            Self::RuleEnforcement => "rule_enforcement",
            Self::Execution => "execution",
            Self::KeyValuePair => "key_value_pair",
            Self::Webhook => "webhook",
            Self::Timer => "timer",
            Self::ApiKey => "api_key",
            Self::Trace => "trace",
            Self::Trigger => "trigger",
            Self::PolicyType => "policy_type",
            Self::Policy => "policy",
            Self::Inquiry => "inquiry",
            Self::Stream => "stream",
        }
    }

    /// Types whose single objects inherit from an object of this type, so that it can grant theirs too.
    pub const fn children(self) -> &'static [Self] {
        match self {
            Self::Pack => &[Self::SensorType, Self::Action, Self::ActionAlias, Self::Rule],
            _ => &[],
        }
    }
}

impl Permission {
    /// Whether it is about a single object, and can so be granted on what contains it.
    pub fn is_about_one(self) -> bool {
        let kind = self.resource_type().as_str().len();
        !matches!(&self.as_str()[kind..], "_list" | "_match" | "_help")
    }
}
